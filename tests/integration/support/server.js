// A real server of its own for each test file: started on free ports, watched, and stopped cleanly.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before } from 'node:test';
import mysql from 'mysql2/promise';
import { notePort, OVER_TLS, tlsSettings } from './over_tls.js';
import { until, within } from './wait.js';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const BINARY = process.env.ENCKE_BIN || join(ROOT, 'build', 'encke');
export const PASSWORD = 'integration-password';

const READY = /^encke: ready ws=(\S*) cometql=(\S*)(.*)$/m;
const portOf = (places) => Number(/(?:^|,)[\d.[\]:a-f]+:(\d+)(?:,|$)/.exec(places)?.[1] ?? 0); // 0: unix sockets only
const SANITIZER = /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer|^==\d+== /m; // the last: valgrind

export function tempDir() {
    return mkdtempSync(join(tmpdir(), 'encke-test-'));
}

/* A test that fails half way must not leave a server behind, nor keep the test runner waiting for it. */
const living = new Set();
after(() => living.forEach((child) => child.kill('SIGKILL')));

/** A process of the server's binary, with all it says. */
export class Process {
    constructor(args, { env = {}, cwd, descriptors, binary = BINARY } = {}) {
        assert.ok(existsSync(binary), `${binary} is missing: build it, or name it in ENCKE_BIN`);
        this.stdout = '';
        this.stderr = '';
        this.result = null; // { code, signal } when it has ended
        const [command, words] = descriptors ? ['sh', ['-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, binary, ...args]] : [binary, args];
        this.child = spawn(command, words, { cwd, env: { ...cleanEnv(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
        living.add(this.child);
        this.child.once('close', () => living.delete(this.child));
        this.child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text));
        this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
        this.ended = new Promise((resolve) => {
            this.child.once('error', (error) => resolve((this.result = { code: null, signal: null, error })));
            this.child.once('close', (code, signal) => resolve((this.result = { code, signal })));
        });
    }

    get pid() {
        return this.child.pid;
    }

    kill(signal) {
        this.child.kill(signal);
    }

    said() {
        return `\n--- stdout\n${this.stdout.slice(-4000)}\n--- stderr\n${this.stderr.slice(-12000)}`;
    }

    assertNoSanitizerReport() {
        assert.ok(!SANITIZER.test(this.stderr + this.stdout), `a sanitizer complained:${this.said()}`);
    }

    /** The end of a process that ends by itself. */
    async end() {
        try {
            await within(this.ended, `the process to end`);
        } catch (error) {
            this.kill('SIGKILL');
            throw new Error(error.message + this.said());
        }
        this.assertNoSanitizerReport();
        return { ...this.result, stdout: this.stdout, stderr: this.stderr };
    }
}

/* Settings in the caller's environment must not reach the server under test. */
function cleanEnv() {
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^ENCKE_/.test(name)));
}

/** Memory of a process that is in use now. */
export function residentBytes(pid) {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}

/** Runs the binary with `args` to its end. */
export function run(args, options) {
    return new Process(args, options).end();
}

export class Server {
    constructor(options = {}, { env, descriptors, binary, args = [], quiet = true, directoryMode } = {}) {
        this.directory = tempDir();
        if (directoryMode) {
            chmodSync(this.directory, directoryMode); // before it starts: it may look at once
        }
        this.password = options['main.password'] ?? PASSWORD;
        const settings = {
            'ws.ip': '127.0.0.1', 'ws.port': 0, 'cometql.port': 0,
            'main.state_dir': join(this.directory, 'state'), 'main.password': this.password,
            'store.backend': process.env.ENCKE_TEST_STORE ?? null, // the whole suite against another store
            ...(process.env.ENCKE_TEST_DEFLATE === '1' ? { 'ws.compression_min': 0 } : {}), // with visitors that agree to it
            ...(Object.keys(options).some((name) => name.includes('.tls_certificate')) ? {} : tlsSettings()),
            ...options,
        };
        const words = Object.entries(settings).filter(([, value]) => value !== null).map(([key, value]) => `--${key}=${value}`);
        this.process = new Process([...words, ...(quiet ? ['--quiet'] : []), ...args], { env, descriptors, binary });
        this.connections = [];
    }

    async ready() {
        const found = await until(() => {
            if (this.process.result) {
                throw new Error(`the server ended before it was ready: ${JSON.stringify(this.process.result)}${this.process.said()}`);
            }
            return READY.exec(this.process.stdout);
        }, () => `the ready line${this.process.said()}`).catch((error) => {
            this.process.kill('SIGKILL');
            throw error;
        });
        this.wsPort = portOf(found[1]);
        notePort(this.wsPort);
        this.sqlPort = portOf(found[2]);
        this.directoryPort = Number(/ freeswitch=[^ ]*:(\d+)/.exec(found[3])?.[1] ?? 0);
        return this;
    }

    get host() {
        return '127.0.0.1';
    }

    get http() {
        return `${OVER_TLS ? 'https' : 'http'}://127.0.0.1:${this.wsPort}`;
    }

    get ws() {
        return `${OVER_TLS ? 'wss' : 'ws'}://127.0.0.1:${this.wsPort}`;
    }

    /** What a driver needs to know. */
    sqlOptions(extra = {}) {
        return { host: '127.0.0.1', port: this.sqlPort, user: 'root', password: this.password, database: 'CometQL_v1',
                 ...(OVER_TLS ? { ssl: { rejectUnauthorized: false } } : {}), ...extra };
    }

    /** A connection of mysql2 that lives until the server is stopped. */
    async connect(extra = {}) {
        const connection = await mysql.createConnection(this.sqlOptions(extra));
        connection.on('error', () => {});
        this.connections.push(connection);
        return connection;
    }

    /** Runs one statement as `user` (root unless told otherwise), with mysql2's own quoting for `values`. */
    async query(sql, values = [], user = 'root') {
        this.sessions ??= new Map();
        if (!this.sessions.has(user)) {
            this.sessions.set(user, this.connect({ user }));
        }
        const connection = await this.sessions.get(user);
        const [rows] = await within(connection.query(sql, values), `an answer to ${sql.slice(0, 200)}`);
        return rows;
    }

    /** Publishes from SQL. `message` must not need escapes. */
    publish(name, event, message, user = 'root') {
        assert.ok(!/['\\]/.test(message), 'publish() pastes its text');
        return this.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('${name}', '${event}', '${message}')`, [], user);
    }

    async memberUuids(name, user = 'root') {
        const rows = await this.query(`SELECT user_uuid FROM users_in_pipes WHERE name = '${name}'`, [], user);
        return rows.map((row) => row.user_uuid);
    }

    async count(name, user = 'root') {
        const rows = await this.query(`SELECT users FROM pipes WHERE name = '${name}'`, [], user);
        return Number(rows[0].users);
    }

    untilCount(name, expected, user = 'root') {
        let seen;
        return until(async () => (seen = await this.count(name, user)) === expected,
                     () => `${expected} subscribers of ${name}, there are ${seen}`);
    }

    /** Ends the server as an administrator would, and insists on a clean end. */
    async stop(signal = 'SIGTERM') {
        for (const connection of this.connections) {
            connection.destroy();
        }
        const was = this.process.result;
        if (!was) {
            this.process.kill(signal);
        }
        try {
            const end = await this.process.end();
            assert.equal(was, null, `the server ended before it was told to: ${JSON.stringify(was)}${this.process.said()}`);
            assert.deepEqual({ code: end.code, signal: end.signal }, { code: 0, signal: null }, `not a clean end${this.process.said()}`);
        } finally {
            rmSync(this.directory, { recursive: true, force: true });
        }
    }
}

export function startServer(options, more) {
    return new Server(options, more).ready();
}

/** In a suite: a server that is there for all its tests. Use through the returned handle's `at`. */
export function serverForSuite(options, more) {
    const handle = {};
    before(async () => {
        handle.at = await startServer(options, more);
    });
    after(async () => {
        await handle.at?.stop();
    });
    return handle;
}

/** In a test: a server of its own, stopped when the test is over. */
export async function serverForTest(t, options, more) {
    const server = new Server(options, more);
    t.after(() => server.stop());
    return server.ready();
}
