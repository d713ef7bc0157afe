// TLS with the clients people have: the CometQL port, where it is asked for inside the protocol, and the ws port, which speaks it from the
// first byte.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import https from 'node:https';
import { readFileSync, writeFileSync } from 'node:fs';
import tls from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import mariadb from 'mariadb';
import mysql from 'mysql2/promise';
import { chromium } from 'playwright-core';
import { Authority } from './support/certificates.js';
import { CAP, COM, command, isErr, isOk, loginPayload, nativePassword, packet, parseErr, RawSql } from './support/mysql_raw.js';
import { driverEnv, mariadbCli, output, PYTHON } from './support/programs.js';
import { dial } from './support/raw.js';
import { run, serverForTest, startServer } from './support/server.js';
import { visit } from './support/visitor.js';
import { DEADLINE_MS, until } from './support/wait.js';

const execute = promisify(execFile);
const PLAIN = 'plain text, привет, 😀';

let authority;
let stranger; // an authority that nobody trusts
let files;
before(() => {
    authority = new Authority();
    stranger = new Authority('Stranger');
    files = authority.sign('localhost');
});
after(() => {
    authority?.remove();
    stranger?.remove();
});

const sqlTls = (made = files) => ({ 'cometql.tls_certificate': made.certificate, 'cometql.tls_key': made.key });
const wsTls = (made = files) => ({ 'ws.tls_certificate': made.certificate, 'ws.tls_key': made.key });

describe('TLS on the CometQL port', () => {
    let server;
    before(async () => {
        server = await startServer(sqlTls());
    });
    after(() => server?.stop());

    test('mariadb: with and without a look at the certificate', async () => {
        const secure = ['--ssl', `--ssl-ca=${authority.file}`, '--ssl-verify-server-cert'];
        for (const args of [['--ssl'], secure, [...secure, '--tls-version=TLSv1.2'], [...secure, '--tls-version=TLSv1.3']]) {
            const { stdout, stderr, code } = await mariadbCli(server, 'status', { args });
            assert.equal(code, 0, stderr);
            assert.match(stdout, /SSL:\s+Cipher in use is \S+GCM/, args.join(' '));
        }
        const plain = await mariadbCli(server, 'status', { args: ['--skip-ssl'] });
        assert.match(plain.stdout, /SSL:\s+Not in use/);
        const wrong = await mariadbCli(server, 'status', { args: ['--ssl', `--ssl-ca=${stranger.file}`, '--ssl-verify-server-cert'] });
        assert.notEqual(wrong.code, 0);
        assert.match(wrong.stderr, /2026.*(certificate|SSL)/);
        const told = await mariadbCli(server, "SHOW VARIABLES LIKE 'have_ssl'");
        assert.match(told.stdout, /have_ssl\s+YES/);
    });

    test('mysql2: texts of every size, many statements in flight', async (t) => {
        const db = await mysql.createConnection(server.sqlOptions({ ssl: { ca: authority.pem, minVersion: 'TLSv1.2' } }));
        t.after(() => db.destroy());
        await db.query("INSERT INTO pipes_settings (name, length) VALUES ('tls_mysql2', 10)");
        const sizes = [1, 16383, 16384, 16385, 60000];
        for (const size of sizes) {
            await db.execute('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', ['tls_mysql2', 'e', 'ж'.repeat(size / 2) + 'x']);
        }
        const [rows] = await db.query("SELECT message FROM pipes_messages WHERE name = 'tls_mysql2'");
        assert.deepEqual(new Set(rows.map((row) => row.message.length)), new Set(sizes.map((size) => Math.floor(size / 2) + 1)));
        const answers = await Promise.all(Array.from({ length: 200 }, () => db.query("SELECT users FROM pipes WHERE name = 'tls_mysql2'")));
        assert.equal(answers.length, 200);
        await assert.rejects(mysql.createConnection(server.sqlOptions({ ssl: { ca: stranger.pem } })), /certificate|signature/);
        await assert.rejects(mysql.createConnection(server.sqlOptions({ ssl: { ca: authority.pem }, password: 'wrong' })), { errno: 16 });
    });

    test('the mariadb connector of node', async () => {
        const db = await mariadb.createConnection(server.sqlOptions({ ssl: { ca: authority.pem } }));
        const rows = await db.query("SHOW VARIABLES LIKE 'have_ssl'");
        assert.equal(rows[0].Value, 'YES');
        await db.end();
    });

    for (const [name, program, args] of [['PHP mysqli', 'php', ['tls.php', 'mysqli']], ['PHP PDO', 'php', ['tls.php', 'pdo']],
                                         ['PyMySQL', PYTHON, ['tls_pymysql.py']]]) {
        test(name, async () => {
            const env = { ...driverEnv(server, `tls_${args.join('_').replace(/\W/g, '_')}`), ENCKE_TEST_CA: authority.file };
            assert.deepEqual(JSON.parse(await output(program, args, env)), [PLAIN]);
            await assert.rejects(output(program, args, { ...env, ENCKE_TEST_CA: stranger.file }), /certificate|SSL/i);
        });
    }

    test('the request for TLS and the hello may come in any pieces', async (t) => {
        for (const step of [0, 1, 7]) {
            const raw = new RawSql(server);
            t.after(() => raw.destroy());
            const greeting = await raw.greet();
            assert.ok(greeting.capabilities & CAP.ssl);
            const capabilities = CAP.longPassword | CAP.protocol41 | CAP.secure | CAP.pluginAuth | CAP.ssl;
            const request = Buffer.alloc(32);
            request.writeUInt32LE(capabilities >>> 0, 0);
            if (step === 0) {
                raw.socket.write(packet(1, request)); // the hello follows at once
            } else {
                await raw.writeByBytes(packet(1, request), step);
            }
            raw.socket.removeAllListeners('data');
            const secure = tls.connect({ socket: raw.socket, ca: authority.pem, servername: 'localhost' });
            t.after(() => secure.destroy());
            let received = Buffer.alloc(0);
            secure.on('data', (chunk) => (received = Buffer.concat([received, chunk])));
            secure.write(packet(2, loginPayload({ user: 'root', auth: nativePassword(server.password, greeting.salt), capabilities })));
            await until(() => received.length > 4, 'the answer to the login');
            assert.equal(received[3], 3, 'the sequence goes on');
            assert.ok(isOk({ payload: received.subarray(4) }));
            const before = received.length;
            secure.write(command(COM.ping));
            await until(() => received.length > before, 'the answer to a ping');
        }
    });

    test('garbage instead of a hello ends the connection', async (t) => {
        const raw = new RawSql(server);
        t.after(() => raw.destroy());
        await raw.greet();
        const request = Buffer.alloc(32);
        request.writeUInt32LE(CAP.protocol41 | CAP.ssl, 0);
        await raw.write(Buffer.concat([packet(1, request), packet(2, request)])); // the second is no hello
        await raw.untilEnd();
    });
});

test('without a certificate TLS is not offered, and a request for it is refused with words', async (t) => {
    const server = await serverForTest(t);
    const raw = new RawSql(server);
    t.after(() => raw.destroy());
    assert.equal((await raw.greet()).capabilities & CAP.ssl, 0);
    const request = Buffer.alloc(32);
    request.writeUInt32LE(CAP.protocol41 | CAP.ssl, 0);
    await raw.write(packet(1, request));
    const answer = await raw.nextPacket();
    assert.ok(isErr(answer));
    assert.match(parseErr(answer).text, /TLS is not offered/);
});

test('cometql.tls = off keeps a certificate in the drawer', async (t) => {
    const server = await serverForTest(t, { ...sqlTls(), 'cometql.tls': 'off' });
    const raw = new RawSql(server);
    t.after(() => raw.destroy());
    assert.equal((await raw.greet()).capabilities & CAP.ssl, 0);
});

test('cometql.tls = required refuses a plain login with 3159', async (t) => {
    const server = await serverForTest(t, { ...sqlTls(), 'cometql.tls': 'required' });
    const raw = new RawSql(server);
    t.after(() => raw.destroy());
    const answer = await raw.login();
    assert.equal(parseErr(answer).code, 3159);
    await raw.untilEnd();
    const plain = await mariadbCli(server, 'status', { args: ['--skip-ssl'] });
    assert.match(plain.stderr, /ERROR 3159 \(HY000\).*insecure transport/);
    const secure = await mariadbCli(server, 'status', { args: ['--ssl'] });
    assert.equal(secure.code, 0, secure.stderr);
});

test('a client that stops in the middle of the handshake is closed by the login timeout', async (t) => {
    const server = await serverForTest(t, { ...sqlTls(), 'cometql.login_timeout': '200ms', ...wsTls(), 'ws.head_timeout': '200ms' });
    const sql = new RawSql(server);
    t.after(() => sql.destroy());
    await sql.greet();
    const request = Buffer.alloc(32);
    request.writeUInt32LE(CAP.protocol41 | CAP.ssl, 0);
    await sql.write(Buffer.concat([packet(1, request), Buffer.from('160301', 'hex')]));
    const web = await dial(t, server.wsPort);
    await web.write(Buffer.from('16030102', 'hex'));
    await sql.untilEnd();
    await web.untilEnd();
});

describe('TLS on the ws port', () => {
    let server;
    before(async () => {
        server = await startServer(wsTls(authority.sign('rsa', { kind: 'rsa' })));
    });
    after(() => server?.stop());

    const secureVisit = (t) => visit(t, server, { base: `wss://localhost:${server.wsPort}`, connection: { ca: authority.pem } });

    test('node ws: subscribe, receive large and small, publish', async (t) => {
        const visitor = await secureVisit(t);
        await visitor.subscribe('web_tls');
        const texts = ['small', 'y'.repeat(16384), 'z'.repeat(200000)];
        for (const text of texts) {
            await server.publish('web_tls', 'e', text);
        }
        for (const text of texts) {
            assert.equal((await visitor.on('web_tls')).data, text);
        }
        const other = await secureVisit(t);
        await other.subscribe('web_tls');
        visitor.publish('web_tls', 'said', 'w'.repeat(70000));
        assert.equal((await other.on('web_tls')).data.length, 70000);
    });

    test('a thousand messages to fifty visitors arrive in order', async (t) => {
        const visitors = await Promise.all(Array.from({ length: 50 }, () => secureVisit(t)));
        await Promise.all(visitors.map((visitor) => visitor.subscribe('web_tls_many')));
        const db = await server.connect();
        for (let i = 0; i < 1000; i += 100) {
            await Promise.all(Array.from({ length: 100 }, (_, j) =>
                db.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_tls_many', 'e', '${i + j} ${'.'.repeat(300)}')`)));
        }
        for (const visitor of visitors) {
            for (let i = 0; i < 1000; i++) {
                assert.equal(Number.parseInt((await visitor.on('web_tls_many')).data, 10), i);
            }
        }
    });

    test('curl: the page, a status, a body it sends, and keep-alive', async () => {
        const curl = (...words) => execute('curl', ['-sS', '--cacert', authority.file, ...words], { timeout: DEADLINE_MS * 3 });
        const base = `https://localhost:${server.wsPort}`;
        const status = JSON.parse((await curl(`${base}/api/status`)).stdout);
        assert.equal(status.sessions >= 0, true);
        for (const version of ['--tlsv1.3', '--tls-max=1.2']) {
            const words = version === '--tls-max=1.2' ? ['--tls-max', '1.2'] : [version];
            const twice = await curl('-w', '%{http_code} %{num_connects}\n', '-o', '/dev/null', '-o', '/dev/null', ...words, `${base}/`, `${base}/js/encke.js`);
            assert.equal(twice.stdout, '200 1\n200 0\n');
        }
        await assert.rejects(curl('--cacert', stranger.file, base), /certificate/);
        await assert.rejects(curl('--tls-max', '1.1', base), /alert|protocol|no protocols/i);
    });

    test('an answer ends with close_notify', async () => {
        const ended = await new Promise((resolve, reject) => {
            const request = https.get({ port: server.wsPort, host: 'localhost', ca: authority.pem, path: '/api/status', agent: false,
                                        headers: { connection: 'close' } }, (answer) => {
                answer.resume();
                answer.on('end', () => resolve(answer.complete));
            });
            request.on('error', reject);
        });
        assert.equal(ended, true);
    });

    test('the demo page in Chromium, over wss', async (t) => {
        const browser = await chromium.launch({
            executablePath: process.env.ENCKE_CHROMIUM || '/usr/bin/chromium',
            args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--ignore-certificate-errors'],
        });
        t.after(() => browser.close());
        const page = await browser.newPage();
        page.setDefaultTimeout(DEADLINE_MS * 2);
        const sockets = [];
        page.on('websocket', (socket) => sockets.push(socket.url()));
        await page.goto(`https://localhost:${server.wsPort}/`);
        await page.waitForFunction(() => document.querySelector('#state').textContent === 'connected');
        await server.publish('web_demo_chat', 'say', 'Hello over TLS');
        await page.getByTestId('chat-log').getByText('Hello over TLS').waitFor();
        assert.ok(sockets.length > 0 && sockets.every((url) => url.startsWith('wss://')), sockets.join(' '));
    });
});

test('plain HTTP on a port of TLS is told so, and the log has a line', async (t) => {
    const server = await serverForTest(t, wsTls());
    const raw = await dial(t, server.wsPort);
    await raw.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await raw.untilEnd();
    assert.match(raw.text(), /^HTTP\/1\.1 400 [^]*\r\nContent-Length: (\d+)\r\n[^]*\r\n\r\nThis port speaks TLS: use https:\/\/ or wss:\/\/\n$/);
    assert.equal(Number(/Content-Length: (\d+)/.exec(raw.text())[1]), raw.text().split('\r\n\r\n')[1].length);
    await until(() => /info\s+ws: no TLS with 127\.0\.0\.1: http request/.test(server.process.stderr), 'the line in the log');
});

test('several certificates: the one with the name asked for is shown', async (t) => {
    const one = authority.sign('one', { hosts: ['DNS:one.test'] });
    const two = authority.sign('two', { hosts: ['DNS:two.test', 'DNS:*.two.test'] });
    const server = await serverForTest(t, { 'ws.tls_certificate': `${one.both}, ${two.both}` });
    for (const [asked, shown] of [['one.test', 'one'], ['two.test', 'two'], ['a.two.test', 'two'], ['other.test', 'one'], [undefined, 'one']]) {
        const socket = tls.connect({ port: server.wsPort, host: '127.0.0.1', servername: asked, ca: authority.pem, checkServerIdentity: () => undefined });
        await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
        assert.equal(socket.getPeerCertificate().subject.CN, shown, `asked for ${asked}`);
        socket.destroy();
    }
});

/** Whose certificate a new connection is shown. */
async function shownBy(port, options = {}) {
    const socket = tls.connect({ port, host: '127.0.0.1', ca: authority.pem, checkServerIdentity: () => undefined, ...options });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    const { subject } = socket.getPeerCertificate();
    const protocol = socket.alpnProtocol;
    socket.destroy();
    return { name: subject.CN, protocol };
}

test('SIGHUP shows a certificate that was renewed, keeps who is connected, and survives a bad file', async (t) => {
    const first = authority.sign('first'), second = authority.sign('second'), used = authority.path('used.pem');
    const put = (made) => writeFileSync(used, made);
    put(readFileSync(first.both));
    const server = await serverForTest(t, { 'ws.tls_certificate': used, 'cometql.tls_certificate': used, 'log.level': 'info' });
    const visitor = await visit(t, server, { base: `wss://127.0.0.1:${server.wsPort}`, connection: { ca: authority.pem } });
    assert.equal((await shownBy(server.wsPort)).name, 'first');
    put(readFileSync(second.both));
    assert.equal((await shownBy(server.wsPort)).name, 'first', 'it was not told yet');
    server.process.kill('SIGHUP');
    await until(async () => (await shownBy(server.wsPort)).name === 'second', 'the new certificate');
    await until(() => /cometql\.tls_certificate: the certificates were read again/.test(server.process.stderr), 'the word about both ports');
    put('no PEM at all');
    server.process.kill('SIGHUP');
    await until(() => /the certificates stay as they were: ws\.tls_certificate: .* holds no certificate/.test(server.process.stderr), 'a complaint');
    assert.equal((await shownBy(server.wsPort)).name, 'second');
    await visitor.subscribe('web_hup');
    await server.publish('web_hup', 'e', 'still here');
    assert.equal((await visitor.on('web_hup')).data, 'still here');
});

test('ALPN: http/1.1 is taken where it is offered, and nobody is refused for offering something else', async (t) => {
    const server = await serverForTest(t, wsTls());
    assert.equal((await shownBy(server.wsPort, { ALPNProtocols: ['h2', 'http/1.1'] })).protocol, 'http/1.1');
    assert.equal((await shownBy(server.wsPort, { ALPNProtocols: ['h2'] })).protocol, false);
    assert.equal((await shownBy(server.wsPort)).protocol, false);
});

describe('--check-config', () => {
    const check = (settings) => run(['--check-config', ...Object.entries(settings).map(([key, value]) => `--${key}=${value}`)]);

    test('says which file is wrong, and what to do', async () => {
        const other = authority.sign('other');
        const garbage = authority.path('garbage.pem');
        writeFileSync(garbage, 'no PEM at all\n');
        const cases = [
            [{ 'ws.tls_certificate': '/nowhere/c.pem' }, /ws\.tls_certificate: cannot read \/nowhere\/c\.pem: No such file/],
            [{ 'ws.tls_certificate': files.certificate, 'ws.tls_key': '/nowhere/k.pem' }, /ws\.tls_key: cannot read \/nowhere\/k\.pem/],
            [{ 'ws.tls_certificate': files.certificate, 'ws.tls_key': other.key }, /ws\.tls_key: the key .* does not fit the certificate/],
            [{ 'cometql.tls_certificate': garbage, 'cometql.tls_key': files.key }, /cometql\.tls_certificate: .*garbage\.pem holds no certificate/],
            [{ 'cometql.tls_certificate': files.certificate }, /cometql\.tls_certificate: .* holds no private key/],
            [{ 'cometql.tls_key': files.key }, /cometql\.tls_key names a key, but cometql\.tls_certificate/],
            [{ 'cometql.tls': 'required' }, /cometql\.tls is required, but cometql\.tls_certificate/],
            [{ 'cometql.tls': 'perhaps' }, /cometql\.tls: 'perhaps' is none of off, optional and required/],
            [{ 'ws.tls_certificate': `${files.both}, ${other.both}`, 'ws.tls_key': files.key }, /lists 2 files and ws\.tls_key 1/],
        ];
        for (const [settings, said] of cases) {
            const end = await check(settings);
            assert.equal(end.code, 1, JSON.stringify(settings));
            assert.match(end.stderr, said);
        }
        const well = await check({ ...sqlTls(), ...wsTls() });
        assert.equal(well.code, 0, well.stderr);
        assert.equal(well.stderr, '');
    });

    test('warns of a certificate that is over', async () => {
        const over = authority.sign('over', { days: -1 });
        const end = await check({ 'ws.tls_certificate': over.certificate, 'ws.tls_key': over.key });
        assert.equal(end.code, 0);
        assert.match(end.stderr, /warning.*over\.pem is valid only until .* clients will refuse it/);
    });
});
