// Programs of other languages that the tests run.

import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DEADLINE_MS } from './wait.js';

const run = promisify(execFile);

export const DRIVERS = fileURLToPath(new URL('../drivers/', import.meta.url));

/* Debian's own interpreter has Debian's python3-pymysql and python3-websockets; another first in PATH may not. */
export const PYTHON = process.env.ENCKE_PYTHON || '/usr/bin/python3';

export function driverEnv(server, channel) {
    return { ...process.env, ENCKE_TEST_SQL_PORT: String(server.sqlPort), ENCKE_TEST_PASSWORD: server.password, ENCKE_TEST_CHANNEL: channel };
}

/** The output of a program, which must succeed. */
export async function output(command, args, env = process.env) {
    const { stdout } = await run(command, args, { env, cwd: DRIVERS, timeout: DEADLINE_MS * 3 });
    return stdout;
}

/** The mariadb command line: what it prints, or the text it fails with. */
export async function mariadbCli(server, statements, { password = server.password, user = 'root', database = 'CometQL_v1', args = [] } = {}) {
    const words = ['--no-defaults', '-h127.0.0.1', `-P${server.sqlPort}`, `-u${user}`, `-p${password}`, '--default-character-set=utf8mb4', ...args,
                   database, '-e', statements];
    try {
        const { stdout, stderr } = await run('mariadb', words, { timeout: DEADLINE_MS * 3 });
        return { stdout, stderr, code: 0 };
    } catch (error) {
        return { stdout: error.stdout, stderr: error.stderr, code: error.code };
    }
}

/** A program whose lines are read as they come. */
export function listen(command, args, env) {
    const child = spawn(command, args, { env, cwd: DRIVERS, stdio: ['ignore', 'pipe', 'pipe'] });
    const program = { child, lines: [], stderr: '', code: undefined };
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
        const pieces = (rest + text).split('\n');
        rest = pieces.pop();
        program.lines.push(...pieces);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => (program.stderr += text));
    child.on('close', (code) => (program.code = code));
    return program;
}
