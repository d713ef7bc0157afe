// The client's address behind proxies: headers and the PROXY protocol, by hand and from real proxies; seen through
// users_in_pipes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import mysql from 'mysql2/promise';
import { example, haproxyBefore, nginxBefore } from './support/proxies.js';
import { dial, RawVisitor, upgradeRequest } from './support/raw.js';
import { PASSWORD, ROOT, run, serverForSuite, serverForTest } from './support/server.js';
import { newMarker, visit } from './support/visitor.js';
import { until } from './support/wait.js';

const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const v2 = (command, family, body = []) => Buffer.concat([V2, Buffer.from([0x20 | command, family, body.length >> 8, body.length & 255]), Buffer.from(body)]);
const ipv4Body = [192, 0, 2, 7, 127, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];
const ipv6Body = [0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 7, ...Array(15).fill(0), 1, 0xdc, 0x04, 0x01, 0xbb];

/** The address that users_in_pipes shows of a visitor (of either kind). */
async function shownAddress(server, visitor, subscribe) {
    const name = `address_${newMarker()}`;
    await subscribe(name);
    return until(async () => (await server.query(`SELECT ip FROM users_in_pipes WHERE name = '${name}'`))[0]?.ip, `${visitor.uuid} in ${name}`);
}

/** A raw visitor that sends `first` before its request. */
async function enter(t, server, first, { headers = [], bytewise = false } = {}) {
    const visitor = new RawVisitor(server);
    t.after(() => visitor.destroy());
    await visitor.connected;
    const bytes = Buffer.concat([Buffer.from(first), Buffer.from(upgradeRequest(visitor.path, { headers }))]);
    await (bytewise ? visitor.writeByBytes(bytes) : visitor.write(bytes));
    await visitor.opened();
    return shownAddress(server, visitor, (name) => visitor.command('subscription', name));
}

/** A real client, through a proxy or not. */
async function addressOf(t, server, options) {
    const visitor = await visit(t, server, options);
    return shownAddress(server, visitor, async (name) => visitor.send('subscription', name));
}

describe('headers', () => {
    test('are not believed unless a proxy is named', async (t) => {
        const server = await serverForTest(t);
        assert.equal(await enter(t, server, '', { headers: ['X-Real-IP: 192.0.2.7', 'X-Forwarded-For: 192.0.2.8'] }), '127.0.0.1');
        assert.match(server.process.stderr, /127\.0\.0\.1 passes clients on and is not in ws\.trusted_proxies/);
    });

    test('of strangers are nothing to warn of', async (t) => {
        const server = await serverForTest(t, { 'limits.exempt': '10.0.0.0/8' });
        assert.equal(await enter(t, server, '', { headers: ['X-Forwarded-For: 192.0.2.8'] }), '127.0.0.1');
        assert.doesNotMatch(server.process.stderr, /trusted_proxies/);
    });

    test('are not believed from somebody else', async (t) => {
        const server = await serverForTest(t, { 'ws.trusted_proxies': '10.0.0.0/8, 127.0.0.2' });
        assert.equal(await enter(t, server, '', { headers: ['X-Real-IP: 192.0.2.7'] }), '127.0.0.1');
    });

    describe('of a trusted proxy', () => {
        const suite = serverForSuite({ 'ws.trusted_proxies': 'loopback, 10.0.0.0/8' });
        for (const [what, headers, expected] of [
            ['X-Real-IP', ['X-Real-IP: 192.0.2.7', 'X-Forwarded-For: 192.0.2.8'], '192.0.2.7'],
            ['IPv6', ['X-Real-IP: 2001:DB8::0:7'], '2001:db8::7'],
            ['IPv4 in IPv6', ['X-Real-IP: ::ffff:192.0.2.7'], '192.0.2.7'],
            ['X-Forwarded-For, the last stranger', ['X-Forwarded-For: 203.0.113.1, 192.0.2.7, 10.1.1.1'], '192.0.2.7'],
            ['nonsense', ['X-Real-IP: me', 'X-Forwarded-For: 192.0.2.7, unknown'], '127.0.0.1'],
            ['nothing', [], '127.0.0.1'],
        ]) {
            test(what, async (t) => assert.equal(await enter(t, suite.at, '', { headers }), expected));
        }
    });

    test('an address that is told is forgotten with its connection', async (t) => {
        const server = await serverForTest(t, { 'ws.trusted_proxies': 'loopback', 'main.shards': 1 });
        for (let i = 1; i <= 20; i++) {
            const visitor = await visit(t, server, { headers: i % 2 ? { 'x-real-ip': `192.0.2.${i}` } : {} });
            const shown = await shownAddress(server, visitor, async (name) => visitor.send('subscription', name));
            assert.equal(shown, i % 2 ? `192.0.2.${i}` : '127.0.0.1'); // the place of one that is gone is taken again
            await visitor.vanish();
        }
    });

    test('a wrong list is refused at the start', async () => {
        const end = await run(['--check-config', '--ws.trusted_proxies=loopback, 10.0.0.0/40']);
        assert.equal(end.code, 1);
        assert.match(end.stderr, /ws\.trusted_proxies: 10\.0\.0\.0\/40 is no address .*no range .*loopback/);
    });
});

describe('the PROXY protocol', () => {
    const suite = serverForSuite({ 'ws.proxy_protocol': true });
    for (const [what, first, expected] of [
        ['version 1, TCP4', 'PROXY TCP4 192.0.2.7 127.0.0.1 56324 443\r\n', '192.0.2.7'],
        ['version 1, TCP6', 'PROXY TCP6 2001:db8::7 ::1 56324 443\r\n', '2001:db8::7'],
        ['version 1, UNKNOWN', 'PROXY UNKNOWN\r\n', '127.0.0.1'],
        ['version 2, IPv4', v2(1, 0x11, ipv4Body), '192.0.2.7'],
        ['version 2, IPv6 and TLVs', v2(1, 0x21, [...ipv6Body, 1, 0, 2, 104, 50, 4, 1, 44, ...Array(300).fill(0)]), '2001:db8::7'],
        ['version 2, LOCAL', v2(0, 0), '127.0.0.1'],
        ['version 2, UNIX', v2(1, 0x31, Array(216).fill(47)), '127.0.0.1'],
    ]) {
        test(what, async (t) => {
            assert.equal(await enter(t, suite.at, first), expected);
            assert.equal(await enter(t, suite.at, first, { bytewise: true }), expected);
        });
    }

    for (const [what, first] of [
        ['a request without it', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
        ['a line that is wrong', 'PROXY TCP4 192.0.2.7 127.0.0.1 56324\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
        ['a line without an end', `PROXY UNKNOWN ${'x'.repeat(200)}`],
        ['a version that does not exist', Buffer.concat([V2, Buffer.from([0x31, 0x11, 0, 12, ...ipv4Body])])],
        ['a header that is too long', v2(1, 0x11, Array(5000).fill(1))],
        ['a TLS client', Buffer.from([0x16, 3, 1, 2, 0, 1])],
    ]) {
        test(`${what} closes the connection without an answer`, async (t) => {
            const raw = await dial(t, suite.at.wsPort);
            await raw.write(first);
            await raw.untilEnd();
            assert.equal(raw.text(), '');
        });
    }

    test('pages are served behind it, one after the other', async (t) => {
        const raw = await dial(t, suite.at.wsPort);
        await raw.write('PROXY TCP4 192.0.2.7 127.0.0.1 56324 443\r\nGET /api/status HTTP/1.1\r\nHost: a\r\n\r\n');
        await raw.untilText(/HTTP\/1\.1 200 /);
        await raw.write('GET /api/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
        await raw.untilEnd();
        assert.equal(raw.text().match(/HTTP\/1\.1 200 /g).length, 2);
    });

    test('whoever says nothing is closed in time', async (t) => {
        const server = await serverForTest(t, { 'ws.proxy_protocol': true, 'ws.head_timeout': '100ms' });
        const raw = await dial(t, server.wsPort);
        await raw.write('PROXY TCP4 192');
        await raw.untilEnd();
        assert.equal(raw.text(), '');
    });

    test('where proxies are named, nobody else may connect', async (t) => {
        const server = await serverForTest(t, { 'ws.proxy_protocol': true, 'ws.trusted_proxies': '10.0.0.0/8' });
        const raw = await dial(t, server.wsPort);
        await raw.untilEnd();
        await until(() => /closed a connection of 127\.0\.0\.1: it is not in ws\.trusted_proxies/.test(server.process.stderr), 'the warning');
    });

    test('behind it headers are believed when it names a trusted proxy', async (t) => {
        const server = await serverForTest(t, { 'ws.proxy_protocol': true, 'ws.trusted_proxies': 'loopback, 10.0.0.0/8' });
        const headers = ['X-Forwarded-For: 198.51.100.3'];
        assert.equal(await enter(t, server, 'PROXY TCP4 10.0.0.5 127.0.0.1 1 2\r\n', { headers }), '198.51.100.3');
        assert.equal(await enter(t, server, 'PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n', { headers }), '192.0.2.7');
    });

    test('an SQL client says hello behind it', async (t) => {
        const server = await serverForTest(t, { 'cometql.proxy_protocol': true });
        const raw = await dial(t, server.sqlPort);
        await raw.write('PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n');
        await raw.untilText(/mysql_native_password/);
    });
});

/* The client comes from 127.0.0.77, the proxy from 127.0.0.1. */
const CLIENT = '127.0.0.77';
const through = (proxy, more = {}) => ({ base: `wss://127.0.0.1:${proxy.port}`, connection: { ca: proxy.certificate, localAddress: CLIENT }, ...more });

test('the guide shows the configurations of examples/', () => {
    const guide = readFileSync(join(ROOT, 'docs/guide.md'), 'utf8');
    for (const file of ['nginx/encke.conf', 'haproxy/haproxy.cfg']) {
        assert.ok(guide.includes(example(file, [])), `docs/guide.md has another text than examples/${file}`);
    }
});

describe('real proxies, with TLS', () => {
    test('nginx as in examples/nginx', async (t) => {
        const server = await serverForTest(t, { 'ws.trusted_proxies': '127.0.0.1' });
        const proxy = await nginxBefore(t, server);
        assert.equal(await addressOf(t, server, through(proxy, { prefix: '/comet-server/ws/' })), CLIENT);
        const liar = { 'x-real-ip': '192.0.2.7', 'x-forwarded-for': '192.0.2.8' };
        assert.equal(await addressOf(t, server, through(proxy, { prefix: '/comet-server/ws/', headers: liar })), CLIENT);
        const [a, b] = [await visit(t, server, through(proxy, { prefix: '/comet-server/ws/' })), await visit(t, server)];
        await a.subscribe('web_behind');
        b.publish('web_behind', 'say', 'hello');
        assert.equal((await a.on('web_behind')).data, 'hello');
    });

    for (const [version, changes] of [['send-proxy-v2, as in examples/haproxy', []], ['send-proxy', [['send-proxy-v2', 'send-proxy']]]]) {
        test(`HAProxy with ${version}`, async (t) => {
            const server = await serverForTest(t, { 'ws.trusted_proxies': '127.0.0.1', 'ws.proxy_protocol': true });
            const proxy = await haproxyBefore(t, server, changes);
            assert.equal(await addressOf(t, server, through(proxy)), CLIENT);
            assert.equal(await addressOf(t, server, through(proxy, { headers: { 'x-real-ip': '192.0.2.7' } })), CLIENT);
        });
    }

    test('HAProxy with option forwardfor', async (t) => {
        const server = await serverForTest(t, { 'ws.trusted_proxies': '127.0.0.1' });
        const changes = [['server encke 127.0.0.1:' + server.wsPort + ' send-proxy-v2', 'server encke 127.0.0.1:' + server.wsPort],
                         ['default_backend', 'option forwardfor\n    http-request del-header X-Real-IP\n    default_backend']];
        const proxy = await haproxyBefore(t, server, changes);
        assert.equal(await addressOf(t, server, through(proxy)), CLIENT);
        const liar = { 'x-real-ip': '192.0.2.7', 'x-forwarded-for': '192.0.2.8' };
        assert.equal(await addressOf(t, server, through(proxy, { headers: liar })), CLIENT);
    });

    test('HAProxy before CometQL, as in examples/haproxy', async (t) => {
        const server = await serverForTest(t, { 'ws.trusted_proxies': '127.0.0.1', 'ws.proxy_protocol': true, 'cometql.proxy_protocol': true });
        const proxy = await haproxyBefore(t, server);
        const stream = net.connect({ host: '127.0.0.1', port: proxy.sqlPort, localAddress: CLIENT });
        const sql = await mysql.createConnection({ stream, user: 'root', password: PASSWORD, database: 'CometQL_v1' });
        t.after(() => sql.destroy());
        const [rows] = await sql.query('SELECT USER() AS me');
        assert.equal(rows[0].me, `root@${CLIENT}`);
    });
});
