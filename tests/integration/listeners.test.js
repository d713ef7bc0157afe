// Where the server listens: several addresses, IPv6, unix sockets, and sockets that somebody else has opened.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';
import { OVER_TLS } from './support/over_tls.js';
import { BINARY, PASSWORD, run, Server, serverForTest } from './support/server.js';
import { newUuid, urlPath } from './support/visitor.js';
import { until } from './support/wait.js';
import { upgradedServer } from './support/upgraded.js';

const execute = promisify(execFile);
const plain = { skip: OVER_TLS ? 'asked for without TLS here' : false };

function temporary(t) {
    const path = mkdtempSync(join(tmpdir(), 'encke-test-'));
    t.after(() => rmSync(path, { recursive: true, force: true }));
    return path;
}

/** The body of GET /info, or the status when it is another one. */
function get(options, headers = {}) {
    return new Promise((resolve, reject) => {
        const request = http.get({ path: '/info', agent: false, headers, ...options }, (response) => {
            let text = '';
            response.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => resolve({ status: response.statusCode, text }));
        });
        request.on('error', reject);
    });
}

/** A WebSocket opened by hand; resolves with the socket after the 101. */
function upgrade(options) {
    return new Promise((resolve, reject) => {
        const request = http.request({ path: urlPath({ uuid: newUuid() }), agent: false, ...options,
            headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
                       Host: 'localhost', ...options.headers } });
        request.on('upgrade', (response, socket) => resolve(socket));
        request.on('response', (response) => reject(new Error(`status ${response.statusCode}`)));
        request.on('error', reject);
        request.end();
    });
}

const sqlOver = (t, options) => mysql.createConnection({ user: 'root', password: PASSWORD, database: 'CometQL_v1', ...options }).then((connection) => {
    t.after(() => connection.destroy());
    return connection;
});

describe('addresses', plain, () => {
    test('each of several, of both families, has the port', async (t) => {
        const server = await serverForTest(t, { 'ws.ip': '127.0.0.1, ::1, 127.0.0.2', 'cometql.ip': '::1,127.0.0.1' });
        assert.match(server.process.stdout, new RegExp(`ws=127\\.0\\.0\\.1:${server.wsPort},\\[::1\\]:${server.wsPort},127\\.0\\.0\\.2:${server.wsPort} `));
        for (const host of ['127.0.0.1', '::1', '127.0.0.2']) {
            assert.equal((await get({ host, port: server.wsPort })).status, 200, host);
        }
        await assert.rejects(get({ host: '127.0.0.3', port: server.wsPort }), /ECONNREFUSED/);
        const six = await sqlOver(t, { host: '::1', port: server.sqlPort });
        assert.equal((await six.query('SELECT 1 AS one'))[0][0].one, '1');
    });

    test(':: is IPv4 as well, unless an IPv4 address stands beside it', async (t) => {
        const both = await serverForTest(t, { 'ws.ip': '::' });
        assert.equal((await get({ host: '127.0.0.1', port: both.wsPort })).status, 200);
        assert.equal((await get({ host: '::1', port: both.wsPort })).status, 200);
        const apart = await serverForTest(t, { 'ws.ip': '::, 127.0.0.2' });
        assert.equal((await get({ host: '127.0.0.2', port: apart.wsPort })).status, 200);
        assert.equal((await get({ host: '::1', port: apart.wsPort })).status, 200);
        await assert.rejects(get({ host: '127.0.0.1', port: apart.wsPort }), /ECONNREFUSED/);
    });

    test('an IPv6 visitor is shown, and limited, by its address', async (t) => {
        const server = await serverForTest(t, { 'ws.ip': '::1, 127.0.0.1', 'limits.exempt': '127.0.0.1', 'limits.address_connections': 2 });
        const first = await upgrade({ host: '::1', port: server.wsPort });
        t.after(() => first.destroy());
        await until(async () => (await server.query('SELECT * FROM connections')).some((row) => row.address === '::1'),
                    'the connection in the table');
        const second = await upgrade({ host: '::1', port: server.wsPort });
        t.after(() => second.destroy());
        const late = net.connect({ host: '::1', port: server.wsPort });
        t.after(() => late.destroy());
        let said = '';
        late.on('data', (bytes) => (said += bytes)).on('error', () => {});
        await until(() => said.startsWith('HTTP/1.1 429'), () => `a refusal, got ${said}`);
    });

    test('what is no address is said', async () => {
        for (const list of ['localhost', '127.0.0.1, ', 'unix:relative', `unix:/${'x'.repeat(120)}`, '1.2.3.4,'.repeat(9)]) {
            const end = await run(['--check-config', `--ws.ip=${list}`]);
            assert.equal(end.code, 1, list);
            assert.match(end.stderr, /ws\.ip: wrong value .* expected a numeric IPv4 or IPv6 address, or unix:\/path/);
        }
    });
});

describe('unix sockets', plain, () => {
    test('curl, a WebSocket and the MySQL client come in; the file has its mode, and is gone at the end', async (t) => {
        const directory = temporary(t), ws = join(directory, 'ws.sock'), sql = join(directory, 'sql.sock');
        const server = new Server({ 'ws.ip': `unix:${ws}, 127.0.0.1`, 'cometql.ip': `unix:${sql}`, 'main.socket_mode': '0600', 'main.shards': 3 });
        await server.ready();
        assert.equal(statSync(ws).mode & 0o777, 0o600);
        const { stdout } = await execute('curl', ['-sS', '--max-time', '10', '--unix-socket', ws, 'http://localhost/info']);
        assert.match(stdout, /\{/);
        const socket = await upgrade({ socketPath: ws });
        t.after(() => socket.destroy());
        const connection = await sqlOver(t, { socketPath: sql });
        const seen = await until(async () => (await connection.query('SELECT * FROM connections'))[0].find((row) => Object.values(row).includes('unix')),
                                 'a connection from "unix"');
        assert.ok(seen);
        const { stdout: answer } = await execute('mariadb', ['--no-defaults', '--protocol=SOCKET', `--socket=${sql}`, '-uroot', `-p${PASSWORD}`, '-N', '-e', 'SELECT 41', 'CometQL_v1']);
        assert.equal(answer.trim(), '41');
        await connection.end();
        await server.stop();
        assert.ok(!existsSync(ws) && !existsSync(sql), 'the files are removed');
    });

    test('connections are spread over the shards, one after the other too', async (t) => {
        const path = join(temporary(t), 'ws.sock');
        const server = await serverForTest(t, { 'ws.ip': `unix:${path}, 127.0.0.1`, 'main.shards': 4 });
        for (let i = 0; i < 40; i++) {
            const socket = await upgrade({ socketPath: path });
            t.after(() => socket.destroy());
        }
        const rows = await until(async () => {
            const found = await server.query('SELECT * FROM connections');
            return found.length >= 40 && found;
        }, 'all connections');
        const shards = new Set(rows.map((row) => BigInt(row.id) >> 56n));
        assert.ok(shards.size >= 2, `all connections are in shard ${[...shards]}`);
    });

    test('a file of a server that was killed is replaced, one of a living server is not, nor what is no socket', async (t) => {
        const directory = temporary(t), path = join(directory, 'ws.sock');
        const first = new Server({ 'ws.ip': `unix:${path}` });
        await first.ready();
        const again = new Server({ 'ws.ip': `unix:${path}` });
        const refused = await again.process.end();
        assert.equal(refused.code, 1);
        assert.match(refused.stderr, /ws port: cannot listen on unix:.*Address already in use \(another program listens there/);
        assert.equal((await get({ socketPath: path })).status, 200, 'the first one serves as before');
        first.process.kill('SIGKILL');
        await first.process.ended;
        assert.ok(existsSync(path));
        const third = await serverForTest(t, { 'ws.ip': `unix:${path}` });
        assert.equal((await get({ socketPath: path })).status, 200);
        assert.ok(third);
        const text = join(directory, 'notes.txt');
        writeFileSync(text, 'mine');
        const other = await new Server({ 'ws.ip': `unix:${text}` }).process.end();
        assert.equal(other.code, 1);
        assert.match(other.stderr, /is no socket/);
        assert.equal(readFileSync(text, 'utf8'), 'mine');
    });

    test('who comes through one has no limits of an address, unless "unix" is taken from limits.exempt', async (t) => {
        const path = join(temporary(t), 'ws.sock');
        const exempt = await serverForTest(t, { 'ws.ip': `unix:${path}`, 'limits.address_connections': 1 });
        for (let i = 0; i < 3; i++) {
            const socket = await upgrade({ socketPath: path });
            t.after(() => socket.destroy());
        }
        assert.ok(exempt);
        const other = join(temporary(t), 'ws.sock');
        await serverForTest(t, { 'ws.ip': `unix:${other}`, 'limits.address_connections': 1, 'limits.exempt': '127.0.0.1' });
        const socket = await upgrade({ socketPath: other });
        t.after(() => socket.destroy());
        const late = net.connect({ path: other }); // says nothing: the refusal comes without, and a request might meet a closed socket
        t.after(() => late.destroy());
        let said = '';
        late.on('data', (bytes) => (said += bytes)).on('error', () => {});
        await until(() => said.startsWith('HTTP/1.1 429'), () => `a refusal, got ${said}`);
    });

    test('a proxy behind one is believed when ws.trusted_proxies names "unix", and only then', async (t) => {
        for (const [trusted, expected] of [['unix', '203.0.113.9'], ['127.0.0.1', 'unix']]) {
            const path = join(temporary(t), 'ws.sock');
            const server = await serverForTest(t, { 'ws.ip': `unix:${path}`, 'ws.trusted_proxies': trusted });
            const socket = await upgrade({ socketPath: path, headers: { 'X-Forwarded-For': '203.0.113.9' } });
            t.after(() => socket.destroy());
            await until(async () => (await server.query('SELECT * FROM connections')).some((row) => Object.values(row).includes(expected)),
                        `a connection of ${expected}`);
        }
    });

    test('as root the file belongs to the user it becomes', { skip: process.getuid() === 0 ? false : 'only root can become somebody else' }, async (t) => {
        const directory = temporary(t);
        chmodSync(directory, 0o711);
        const run_ = join(directory, 'run');
        mkdirSync(run_);
        await execute('chown', ['65534:65534', run_]);
        const path = join(run_, 'ws.sock');
        const server = new Server({ 'ws.ip': `unix:${path}`, 'main.user': 'nobody' }, { directoryMode: 0o711 });
        await server.ready();
        assert.equal(statSync(path).uid, 65534);
        assert.equal((await get({ socketPath: path })).status, 200);
        await server.stop();
        assert.ok(!existsSync(path));
    });

    test('an upgrade keeps it: nobody is refused, and the file goes with the new process', async (t) => {
        const path = join(temporary(t), 'ws.sock');
        const server = await upgradedServer(t, { 'ws.ip': `unix:${path}` });
        const seen = { answers: 0, errors: [] };
        let goes_on = true;
        const asking = (async () => {
            while (goes_on) await get({ socketPath: path }).then(() => seen.answers++, (error) => seen.errors.push(error.code));
        })();
        await server.upgrade();
        const had = seen.answers;
        await until(() => seen.answers > had + 5, 'answers of the new process');
        goes_on = false;
        await asking;
        assert.deepEqual(seen.errors.filter((code) => ['ECONNREFUSED', 'ENOENT'].includes(code)), []);
        assert.ok(existsSync(path));
        await server.stopAll();
        assert.ok(!existsSync(path));
    });
});

describe('sockets that were given', { skip: OVER_TLS || !existsSync('/usr/bin/systemd-socket-activate') ? 'needs systemd-socket-activate, without TLS' : false }, () => {
    /** The server behind systemd-socket-activate, which starts it at the first connection. */
    function activated(t, names, listen, options = []) {
        const directory = temporary(t);
        const words = [...listen.map((place) => `--listen=${place}`), `--fdname=${names.join(':')}`, BINARY, '--quiet',
                       `--main.state_dir=${join(directory, 'state')}`, `--main.password=${PASSWORD}`, '--ws.ip=127.0.0.1', '--ws.port=0',
                       '--cometql.port=0', '--main.user=root', ...options];
        if (process.getuid() !== 0) words.splice(words.indexOf('--main.user=root'), 1);
        const child = spawn('systemd-socket-activate', words, { stdio: ['ignore', 'pipe', 'pipe'] });
        const said = { out: '', err: '' };
        child.stdout.setEncoding('utf8').on('data', (text) => (said.out += text));
        child.stderr.setEncoding('utf8').on('data', (text) => (said.err += text));
        const ended = new Promise((resolve) => child.once('exit', resolve));
        t.after(async () => {
            child.kill('SIGTERM');
            await ended;
        });
        return { child, said, ended };
    }

    async function freePort() {
        const server = net.createServer().listen(0, '127.0.0.1');
        await new Promise((resolve) => server.once('listening', resolve));
        const { port } = server.address();
        await new Promise((resolve) => server.close(resolve));
        return port;
    }

    test('they serve both listeners, by their names, and their files are left alone', async (t) => {
        const path = join(temporary(t), 'sql.sock'), port = await freePort();
        const { child, said, ended } = activated(t, ['ws', 'cometql'], [`127.0.0.1:${port}`, path], ['--main.shards=3']);
        await until(() => /Listening on.*sql\.sock/.test(said.err), () => `systemd-socket-activate: ${said.err}`);
        assert.equal((await get({ host: '127.0.0.1', port })).status, 200, 'the connection that started it is answered');
        await until(() => said.out.includes(`ready ws=127.0.0.1:${port} cometql=unix:${path}\n`), () => `the ready line, got ${said.out}`);
        const sql = await sqlOver(t, { socketPath: path });
        assert.equal((await sql.query('SELECT 1 AS one'))[0][0].one, '1');
        await Promise.all(Array.from({ length: 50 }, () => get({ host: '127.0.0.1', port })));
        await sql.end();
        child.kill('SIGTERM');
        assert.equal(await ended, 0, said.err);
        assert.ok(existsSync(path), 'it is not ours to remove');
    });

    test('an upgrade hands them on', async (t) => {
        const path = join(temporary(t), 'ws.sock');
        const { child, said } = activated(t, ['ws'], [path], ['--main.shards=2']);
        await until(() => /Listening on/.test(said.err), () => `systemd-socket-activate: ${said.err}`);
        assert.equal((await get({ socketPath: path })).status, 200);
        await until(() => said.out.includes('encke: ready'), 'the first process');
        child.kill('SIGUSR2');
        await until(() => /process \d+ has taken over/.test(said.err), () => `the second process: ${said.err}`);
        const next = Number(/process (\d+) has taken over/.exec(said.err)[1]);
        t.after(() => existsSync(`/proc/${next}`) && process.kill(next, 'SIGKILL'));
        assert.equal((await get({ socketPath: path })).status, 200);
        await until(() => said.out.split(`ready ws=unix:${path} `).length === 3, () => `two ready lines, got ${said.out}`);
        process.kill(next, 'SIGTERM');
        await until(() => /^State:\s+Z/m.test(existsSync(`/proc/${next}/status`) ? readFileSync(`/proc/${next}/status`, 'utf8') : 'State: Z'),
                    () => `its end: ${said.err}`);
        assert.ok(existsSync(path), 'it is not ours to remove');
    });

    test('a name that no listener has is an error that says what to do', async (t) => {
        const port = await freePort();
        const { said, ended } = activated(t, ['web'], [`127.0.0.1:${port}`]);
        await until(() => /Listening on/.test(said.err), 'systemd-socket-activate');
        await get({ host: '127.0.0.1', port }).catch(() => {});
        assert.equal(await ended, 1);
        assert.match(said.err, /under the name "web", which no listener has/);
    });
});
