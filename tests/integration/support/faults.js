// Faults inside a real server: ../faults/shim.c, compiled here, loaded before the C library, and steered through a file both map.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server, residentBytes, tempDir } from './server.js';

const SHIM = fileURLToPath(new URL('../faults/shim.c', import.meta.url));
/* struct control of the shim. */
const FIELDS = ['allocations', 'refuse_from', 'refuse_until', 'refused', 'sync_waits', 'syncs_waiting', 'clock_s'];

export class Faults {
    constructor() {
        this.directory = tempDir();
        this.library = join(this.directory, 'shim.so');
        this.path = join(this.directory, 'control');
        execFileSync(process.env.CC || 'cc', ['-shared', '-fPIC', '-O1', '-fno-builtin', '-o', this.library, SHIM, '-ldl']);
        writeFileSync(this.path, Buffer.alloc(FIELDS.length * 8));
        this.file = openSync(this.path, 'r+');
    }

    get(name) {
        const bytes = Buffer.alloc(8);
        readSync(this.file, bytes, 0, 8, FIELDS.indexOf(name) * 8);
        return Number(bytes.readBigInt64LE());
    }

    set(name, value) {
        const bytes = Buffer.alloc(8);
        bytes.writeBigInt64LE(BigInt(value));
        writeSync(this.file, bytes, 0, 8, FIELDS.indexOf(name) * 8);
    }

    /** Refuses `count` allocations, after the next `skipped`. */
    refuse(skipped, count = 1) {
        const from = this.get('allocations') + skipped;
        this.set('refuse_until', 0);
        this.set('refuse_from', from);
        this.set('refuse_until', from + count);
    }

    heal() {
        this.set('refuse_until', 0);
        this.set('sync_waits', 0);
        this.set('clock_s', 0);
    }

    /** The one server that these faults reach, stopped with the test, and as clean as any. */
    async server(t, options) {
        const server = new Server(options, { env: { LD_PRELOAD: this.library, FAULTS_CONTROL: this.path } });
        t.after(async () => {
            this.heal();
            await server.stop().finally(() => {
                closeSync(this.file);
                rmSync(this.directory, { recursive: true, force: true });
            });
        });
        return server.ready();
    }
}

/** What is to say of memory: more than at the start by so much. */
export function memoryWatch(server) {
    const before = residentBytes(server.process.pid);
    return { grownMB: () => Math.round((residentBytes(server.process.pid) - before) / 2 ** 20) };
}
