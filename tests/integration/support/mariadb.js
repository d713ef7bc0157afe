// A MariaDB of its own for a test file: in a temporary directory, on a socket there and on a port of 127.0.0.1.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import mysql from 'mysql2/promise';
import { until } from './wait.js';

const USER = process.getuid() === 0 ? ['--user=root'] : [];
const DEADLINE_MS = 60_000;

function freePort() {
    return new Promise((resolve, reject) => {
        const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

export class Database {
    async install() {
        this.directory = mkdtempSync(join(tmpdir(), 'encke-mariadb-'));
        this.socket = join(this.directory, 'socket');
        this.env = { ...process.env, TMPDIR: this.directory }; // a server removes what others have in theirs
        execFileSync('mariadb-install-db', ['--no-defaults', `--datadir=${this.directory}/data`, '--auth-root-authentication-method=normal',
                                            '--skip-test-db', ...USER], { env: this.env, stdio: 'pipe' });
        await this.start();
        await this.run("CREATE USER 'comet'@'%' IDENTIFIED BY 'db-password'; GRANT ALL ON `comet%`.* TO 'comet'@'%'");
        return this;
    }

    async start() {
        this.port ??= await freePort();
        const log = openSync(join(this.directory, 'log'), 'a');
        this.child = spawn('/usr/sbin/mariadbd', ['--no-defaults', `--datadir=${this.directory}/data`, `--socket=${this.socket}`,
                                                  `--port=${this.port}`, '--bind-address=127.0.0.1', '--skip-name-resolve',
                                                  '--innodb-buffer-pool-size=32M', '--innodb-log-file-size=16M', '--performance-schema=OFF', ...USER],
                           { env: this.env, stdio: ['ignore', log, log] });
        this.ended = new Promise((resolve) => this.child.once('close', () => resolve((this.child = null))));
        await until(() => this.run('SELECT 1').then(() => true, () => !this.child),
                    () => `MariaDB to answer: ${readFileSync(join(this.directory, 'log'), 'utf8').slice(-2000)}`, DEADLINE_MS);
        assert.ok(this.child, readFileSync(join(this.directory, 'log'), 'utf8').slice(-2000));
    }

    /** Runs statements as root, with an empty sql_mode if `loose`; the rows of the last. */
    async run(sql, { database } = {}) {
        const connection = await mysql.createConnection({ socketPath: this.socket, user: 'root', database, multipleStatements: true, charset: 'utf8mb4' });
        connection.on('error', () => {});
        try {
            const [rows] = await connection.query(sql);
            return Array.isArray(rows) && Array.isArray(rows.at?.(-1)) ? rows.at(-1) : rows;
        } finally {
            connection.destroy();
        }
    }

    signal(name) {
        this.child.kill(name);
    }

    async kill() {
        if (this.child) {
            this.child.kill('SIGCONT');
            this.child.kill('SIGKILL');
            await this.ended;
        }
    }

    /** A new and empty database: what a server's or a migration's options must say to use it. */
    async fresh(name) {
        await this.run(`DROP DATABASE IF EXISTS ${name}; CREATE DATABASE ${name}`);
        return { 'store.backend': 'mariadb', ...this.options(name) };
    }

    options(name) {
        return { 'db.host': '127.0.0.1', 'db.port': this.port, 'db.user': 'comet', 'db.password': 'db-password', 'db.name': name };
    }
}

/** In a file: a database that is there for all its tests. Use through the returned handle's `at`. */
export function databaseForFile() {
    const handle = {};
    before(async () => {
        handle.at = await new Database().install();
    });
    after(async () => {
        await handle.at?.kill();
        rmSync(handle.at?.directory ?? '/nonexistent', { recursive: true, force: true });
    });
    return handle;
}
