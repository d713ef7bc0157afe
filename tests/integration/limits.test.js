// What strangers may take: each limit refuses with a sentence and a number, counts, and touches nobody else. All of 127.0.0.0/8 is
// this machine, so it has as many addresses as a test wants.

import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import mysql from 'mysql2/promise';
import { dial, RawVisitor, upgradeRequest } from './support/raw.js';
import { run, serverForTest } from './support/server.js';
import { visit, Visitor } from './support/visitor.js';
import { until } from './support/wait.js';

const STRANGERS = { 'limits.exempt': '127.0.0.1' }; // so that the test itself is not limited
const from = (address) => ({ connection: { localAddress: address } });

async function counter(server, key) {
    const rows = await server.query(`SHOW GLOBAL STATUS LIKE '${key}'`);
    return Number(Object.values(rows[0])[1]);
}

/** The answer to a WebSocket that is refused: status, headers, text. */
async function refusal(server, options) {
    const visitor = new Visitor(server, options);
    const answer = await new Promise((resolve, reject) => {
        visitor.socket.once('unexpected-response', (_, response) => {
            let text = '';
            response.setEncoding('utf8').on('data', (part) => (text += part)).once('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
        });
        visitor.socket.once('open', () => reject(new Error('it was taken in')));
    });
    visitor.socket.terminate();
    return answer;
}

describe('connections of an address', () => {
    test('past their number are refused with 429, and others are not touched', async (t) => {
        const server = await serverForTest(t, { ...STRANGERS, 'limits.address_connections': 3 });
        const first = await visit(t, server, from('127.0.0.2'));
        await visit(t, server, from('127.0.0.2'));
        await visit(t, server, from('127.0.0.2'));
        const answer = await refusal(server, from('127.0.0.2'));
        assert.equal(answer.status, 429);
        assert.ok(Number(answer.headers['retry-after']) > 0);
        assert.equal(answer.text, '429 Too Many Requests\nToo many connections from this address.\n');
        assert.equal(await counter(server, 'connections_refused_address'), 1);
        await visit(t, server, from('127.0.0.3'));
        for (let i = 0; i < 10; i++) {
            await visit(t, server);
        }
        await first.vanish();
        await until(() => visit(t, server, from('127.0.0.2')).then(() => true, () => false), 'the place that is free again');
        assert.match(server.process.stderr, /a connection of 127\.0\.0\.2 was refused: the address has limits\.address_connections/);
    });

    test('count those of SQL as well, which hear error 1203', async (t) => {
        const server = await serverForTest(t, { ...STRANGERS, 'limits.address_connections': 2, 'cometql.ip': '0.0.0.0' });
        await visit(t, server, from('127.0.0.2'));
        const stream = () => net.connect({ port: server.sqlPort, host: '127.0.0.1', localAddress: '127.0.0.2' });
        const connection = await mysql.createConnection(server.sqlOptions({ stream }));
        t.after(() => connection.destroy());
        await assert.rejects(mysql.createConnection(server.sqlOptions({ stream })), (error) => {
            assert.equal(error.errno, 1203);
            assert.match(error.message, /Too many connections from this address/);
            return true;
        });
    });

    test('past their rate are refused until seconds have gone by', async (t) => {
        const server = await serverForTest(t, { ...STRANGERS, 'limits.address_rate': 1 });
        let answer;
        for (let i = 0; i < 200 && !answer; i++) {
            answer = await refusal(server, from('127.0.0.2')).catch(() => null);
        }
        assert.equal(answer.status, 429);
        assert.match(answer.text, /Too many new connections from this address/);
        assert.ok(await counter(server, 'connections_refused_address_rate') >= 1);
        await visit(t, server, from('127.0.0.3'));
    });

    test('behind a proxy are those of the client, not of the proxy', async (t) => {
        const server = await serverForTest(t, { 'limits.exempt': '10.9.9.9', 'ws.trusted_proxies': '127.0.0.1', 'limits.address_connections': 2 });
        const as = (address) => ({ headers: { 'x-real-ip': address } });
        await visit(t, server, as('192.0.2.1'));
        await visit(t, server, as('192.0.2.1'));
        const answer = await refusal(server, as('192.0.2.1'));
        assert.equal(answer.status, 429);
        assert.ok(Number(answer.headers['retry-after']) > 0);
        for (let i = 2; i < 8; i++) {
            await visit(t, server, as(`192.0.2.${i}`));
        }
        await visit(t, server, as('2001:db8:1:2::1')); // one /64 is one customer
        await visit(t, server, as('2001:db8:1:2::2'));
        assert.equal((await refusal(server, as('2001:db8:1:2::3'))).status, 429);
        await visit(t, server, as('2001:db8:1:3::1'));
    });

    test('told by the PROXY protocol are refused, too', async (t) => {
        const server = await serverForTest(t, { 'ws.proxy_protocol': true, 'limits.address_connections': 1 });
        const enter = async (address) => {
            const visitor = new RawVisitor(server);
            t.after(() => visitor.destroy());
            await visitor.connected;
            await visitor.write(`PROXY TCP4 ${address} 127.0.0.1 56324 443\r\n${upgradeRequest(visitor.path)}`);
            await visitor.untilText(/HTTP\/1\.1 \d+/);
            return visitor.text().slice(9, 12);
        };
        assert.equal(await enter('192.0.2.1'), '101');
        assert.equal(await enter('192.0.2.1'), '429');
        assert.equal(await enter('192.0.2.2'), '101');
    });

    test('a list of exempt addresses that is wrong is refused at the start', async () => {
        const end = await run(['--limits.exempt=loopback, nobody', '--ws.port=0', '--cometql.port=0', '--store.backend=memory']);
        assert.equal(end.code, 1);
        assert.match(end.stderr, /limits\.exempt: nobody is no address/);
    });
});

describe('connections in all', () => {
    test('past ws.max_connections are told to come back', async (t) => {
        const server = await serverForTest(t, { 'ws.max_connections': 2, 'main.shards': 2 });
        const first = await visit(t, server);
        await visit(t, server);
        const answer = await refusal(server);
        assert.equal(answer.status, 503);
        assert.ok(Number(answer.headers['retry-after']) > 0);
        assert.match(answer.text, /Too many connections/);
        await first.vanish();
        await until(() => visit(t, server).then(() => true, () => false), 'the place that is free again');
    });

    test('past cometql.max_connections hear error 1040', async (t) => {
        const server = await serverForTest(t, { 'cometql.max_connections': 1 });
        await server.query('SELECT 1');
        await assert.rejects(server.connect(), (error) => {
            assert.equal(error.errno, 1040);
            assert.match(error.message, /Too many connections/);
            return true;
        });
        assert.equal(await counter(server, 'connections_refused'), 1);
    });

    test('past limits.rate are told to come back', async (t) => {
        const server = await serverForTest(t, { 'limits.rate': 1 });
        let answer;
        for (let i = 0; i < 200 && !answer; i++) {
            answer = await refusal(server).catch(() => null);
        }
        assert.equal(answer.status, 503);
        assert.match(answer.text, /Too many connections come in at this moment/);
    });
});

describe('handshakes', () => {
    test('thousands that are never finished keep nobody out, and are bounded', async (t) => {
        const server = await serverForTest(t, { 'limits.handshakes': 50, 'main.shards': 2 });
        await server.query('SELECT 1');
        const silent = [];
        t.after(() => silent.forEach((socket) => socket.destroy()));
        for (let round = 0; round < 20; round++) {
            for (let i = 0; i < 50; i++) {
                const socket = net.connect(server.wsPort, '127.0.0.1').on('error', () => {}).resume();
                if (i % 2) {
                    socket.write('GET /ws/ HTTP/1.1\r\nHost:'); // half a head
                }
                silent.push(socket);
            }
            await visit(t, server); // served all the while
        }
        assert.ok(await counter(server, 'handshakes') <= 100);
        await until(async () => await counter(server, 'handshakes_given_up') >= 800, 'the others to be given up');
        await until(() => silent.filter((socket) => !socket.destroyed).length <= 100, 'their sockets to be closed');
        await server.connect(); // a login is a handshake, too
    });

    test('that take too long are ended, and counted', async (t) => {
        const server = await serverForTest(t, { 'ws.head_timeout': '100ms', 'cometql.login_timeout': '100ms' });
        const half = await dial(t, server.wsPort), none = await dial(t, server.wsPort);
        await half.write('GET / HTTP/1.1\r\n');
        await half.untilEnd();
        await none.untilEnd();
        assert.match(half.text(), /^HTTP\/1\.1 408 /);
        assert.equal(await counter(server, 'handshakes_late'), 2);
    });

    test('are over with an answer: a quiet connection that was served is no newcomer', async (t) => {
        const server = await serverForTest(t);
        const page = await dial(t, server.wsPort);
        await page.write('GET /api/status HTTP/1.1\r\nHost: a\r\n\r\n');
        await page.untilText(/^HTTP\/1\.1 200 /);
        await visit(t, server);
        await until(async () => await counter(server, 'handshakes') === 0, 'nobody on the way in');
    });
});
