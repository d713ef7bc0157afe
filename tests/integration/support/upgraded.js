// A server that is upgraded: one process after the other, on the same ports and in the same state directory.

import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BINARY, Server, tempDir } from './server.js';
import { until, within } from './wait.js';

const alive = (pid) => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

export class UpgradedServer extends Server {
    /** Everything any of the processes has said. */
    get log() {
        return this.process.stderr;
    }

    get started() {
        return [this.process.pid, ...[...this.log.matchAll(/upgrade: process (\d+) is starting/g)].map(([, pid]) => Number(pid))];
    }

    /** The process that serves. */
    get pid() {
        const [last] = [...this.log.matchAll(/upgrade: process (\d+) has taken over/g)].slice(-1);
        return last ? Number(last[1]) : this.process.pid;
    }

    get readyLines() {
        return this.process.stdout.match(/^encke: ready /mg).length;
    }

    signal(name, pid = this.pid) {
        process.kill(pid, name);
    }

    /** Resolves when another process serves. */
    async upgrade() {
        const old = this.pid;
        this.signal('SIGUSR2', old);
        await until(() => this.pid !== old, () => `another process to take over${this.process.said()}`);
        return old;
    }

    untilGone(pid) {
        return until(() => !alive(pid), () => `the end of process ${pid}${this.process.said()}`);
    }

    isAlive(pid) {
        return alive(pid);
    }

    killAll() {
        for (const pid of this.started.filter(alive)) {
            try {
                process.kill(pid, 'SIGKILL');
            } catch { /* it was faster */ }
        }
    }

    /** Ends the process that serves, and waits for all of them. */
    async stopAll() {
        for (const connection of this.connections) {
            connection.destroy();
        }
        if (alive(this.pid)) {
            this.signal('SIGTERM');
        }
        await within(this.process.ended, 'all processes to end').catch((error) => { throw new Error(error.message + this.process.said()); });
        this.process.assertNoSanitizerReport();
    }
}

/** Descriptors of all threads, whose tables are their own. */
export const descriptorsOf = (pid) => readdirSync(`/proc/${pid}/task`)
    .reduce((sum, task) => sum + readdirSync(`/proc/${pid}/task/${task}/fd`).length, 0);

export async function upgradedServer(t, options, more) {
    const server = new UpgradedServer(options, more);
    t.after(() => server.killAll());
    return server.ready();
}

/** A place for a program: begins as the server, and may become something else while that runs. */
export class Program {
    constructor() {
        this.directory = tempDir();
        this.path = join(this.directory, 'encke');
        this.become('server');
    }

    /** 'server', or the lines of a shell script. What was there runs on. */
    become(what) {
        const next = `${this.path}.next`;
        if (what === 'server') {
            symlinkSync(BINARY, next);
        } else {
            writeFileSync(next, what);
            chmodSync(next, 0o755);
        }
        renameSync(next, this.path);
    }

    /** A process that fails at a stage of taking over; started without anything to take over from, it is the server. */
    fail(stage) {
        const script = fileURLToPath(new URL('successor.js', import.meta.url));
        this.become(`#!/bin/sh\ncase "$ENCKE_SUCCESSOR" in -*) exec '${BINARY}' "$@";; esac\n`
                    + `ENCKE_TEST_STAGE='${stage}' exec '${process.execPath}' '${script}'\n`);
    }

    remove() {
        rmSync(this.directory, { recursive: true, force: true });
    }
}

export function programForTest(t) {
    const program = new Program();
    t.after(() => program.remove());
    return program;
}
