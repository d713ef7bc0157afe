// What strangers may take: each limit refuses with a sentence and a number, counts, and touches nobody else. All of 127.0.0.0/8 is
// this machine, so it has as many addresses as a test wants.

import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import mysql from 'mysql2/promise';
import { dial, frame, OPCODE, RawVisitor, rawVisit, upgradeRequest } from './support/raw.js';
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

describe('what one connection does in a second', () => {
    /* A stranger floods; the server says why before it ends the connection, and this machine is not limited. */
    for (const [what, settings, flood] of [
        ['messages', { 'limits.messages': 20 }, (visitor) => { for (let i = 0; i < 100; i++) visitor.send('pipe_count', 'web_a', `m${i}`, ''); }],
        ['pings', { 'limits.messages': 20 }, (visitor) => { for (let i = 0; i < 100; i++) visitor.socket.ping(); }],
        ['bytes', { 'limits.bytes': '10K' }, (visitor) => visitor.publish('web_a', 'e', 'x'.repeat(30000))],
        ['subscriptions', { 'limits.subscriptions': 20 }, (visitor) => visitor.send('subscription', ...Array.from({ length: 100 }, (_, i) => `web_${i}`))],
    ]) {
        test(`${what}: past the bound it is told 429 and closed, others go on`, async (t) => {
            const server = await serverForTest(t, { ...STRANGERS, ...settings });
            const stranger = await visit(t, server, from('127.0.0.2')), other = await visit(t, server, from('127.0.0.2'));
            flood(stranger);
            const { data } = await stranger.refusal();
            assert.equal(data.error_code, 429);
            assert.match(data.error, /more in a second/);
            await stranger.ended;
            assert.ok(await counter(server, 'floods_closed') >= 1);
            await other.fence();
            const local = await visit(t, server);
            flood(local);
            await local.fence();
            assert.match(server.process.stderr, new RegExp(`closed 127\\.0\\.0\\.2, which does too much in a second \\(limits\\.${what === 'pings' ? 'messages' : what}\\)`));
        });
    }

    test('more subscriptions than a connection may have are refused and counted', async (t) => {
        const server = await serverForTest(t, { 'ws.max_subscriptions': 3 });
        const visitor = await visit(t, server);
        visitor.send('subscription', 'web_1', 'web_2', 'web_3', 'web_4');
        assert.match(JSON.stringify((await visitor.refusal()).data), /Too many letters/);
        assert.equal(await counter(server, 'subscriptions_refused'), 1);
        await visitor.fence();
    });

    test('what is too large is refused and counted', async (t) => {
        const server = await serverForTest(t, { 'ws.max_message': 1024, 'ws.max_head': 512, 'cometql.max_packet': 2048 });
        const visitor = await visit(t, server);
        visitor.publish('web_a', 'e', 'x'.repeat(2000));
        await visitor.ended;
        const raw = await dial(t, server.wsPort);
        await raw.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(1000)}\r\n\r\n`);
        await raw.untilText(/^HTTP\/1\.1 431 /);
        const sql = await server.connect();
        await assert.rejects(sql.query(`SELECT '${'z'.repeat(5000)}'`), { errno: 1153 });
        assert.equal(await counter(server, 'too_large'), 3);
    });
});

describe('anonymous visitors', () => {
    test('may be refused: who is logged in may stay', async (t) => {
        const server = await serverForTest(t, { 'users.anonymous': false });
        await server.query(`INSERT INTO users_auth (id, hash) VALUES (5, 'five')`);
        for (const options of [{}, { user: 5, session: 'wrong' }, { user: 6, session: 'five' }]) {
            const stranger = new Visitor(server, options);
            t.after(() => stranger.socket.terminate());
            const said = await stranger.refusal();
            assert.equal(said.error, 401);
            assert.match(said.data.error, /Anonymous visitors are not admitted/);
            await stranger.ended;
        }
        assert.equal(await counter(server, 'anonymous_refused'), 3);
        assert.equal((await visit(t, server, { user: 5, session: 'five' })).info.authorized, true);
    });

    test('a user has as many connections as he may, and the oldest is told so', async (t) => {
        const server = await serverForTest(t, { 'users.max_connections': 2 });
        await server.query(`INSERT INTO users_auth (id, hash) VALUES (5, 'five')`);
        const [oldest, ...others] = [await visit(t, server, { user: 5, session: 'five' }), await visit(t, server, { user: 5, session: 'five' }),
                                     await visit(t, server, { user: 5, session: 'five' })];
        assert.equal((await oldest.refusal()).data.error_code, 429);
        await oldest.ended;
        assert.equal(await counter(server, 'users_crowded'), 1);
        await Promise.all(others.map((visitor) => visitor.fence()));
    });
});

describe('a reader that stops', () => {
    const COUNT = 500, TEXT = 'x'.repeat(50000); // 25 MB: more than the kernel takes for one connection

    test('loses the oldest messages of a channel of ws.drop_oldest, and keeps its connection', async (t) => {
        const server = await serverForTest(t, { 'ws.drop_oldest': 'live_, cursor_', 'ws.max_queue': '1M' });
        const slow = await rawVisit(t, server), quick = await visit(t, server);
        await slow.command('subscription', 'live_a');
        await quick.subscribe('live_a');
        await server.untilCount('live_a', 2);
        slow.socket.pause();
        for (let i = 0; i < COUNT; i++) {
            await server.publish('live_a', 'e', `${i} ${TEXT}`);
        }
        await until(async () => await counter(server, 'batches_dropped') > 0, 'something to be dropped');
        for (let i = 0; i < COUNT; i++) {
            assert.equal(parseInt((await quick.on('live_a')).data), i); // who reads misses nothing
        }
        slow.socket.resume();
        const heard = [];
        while (heard.at(-1) !== COUNT - 1) {
            heard.push(parseInt((await slow.nextText((f) => f.pipe === 'live_a')).data));
        }
        assert.ok(heard.length < COUNT);
        assert.deepEqual(heard, [...new Set(heard)].sort((a, b) => a - b), 'whole frames, in their order, none twice');
        await slow.alive();
        assert.equal(await counter(server, 'slow_consumers_closed'), 0);
    });

    test('of another channel is closed', async (t) => {
        const server = await serverForTest(t, { 'ws.drop_oldest': 'live_', 'ws.max_queue': '1M' });
        const slow = await rawVisit(t, server);
        await slow.command('subscription', 'web_a');
        await server.untilCount('web_a', 1);
        slow.socket.pause();
        for (let i = 0; i < COUNT; i++) {
            await server.publish('web_a', 'e', `${i} ${TEXT}`);
        }
        await until(async () => await counter(server, 'slow_consumers_closed') === 1, 'the slow one to be closed');
    });
});

describe('an app', () => {
    test('has as many channels as it may; those it has go on, and so does another app', async (t) => {
        const server = await serverForTest(t, { 'limits.app_channels': 5, 'main.shards': 1 });
        const visitor = await (await visit(t, server, { dev: 15 })).subscribe('web_1', 'web_2', 'web_3', 'web_4');
        await server.query(`INSERT INTO pipes_settings (name, length) VALUES ('web_kept', 3)`, [], '15');
        visitor.send('subscription', 'web_1', 'web_2', 'web_3', 'web_4', 'web_5');
        assert.match(JSON.stringify((await visitor.refusal()).data), /too many channels/);
        await assert.rejects(server.query(`INSERT INTO pipes_settings (name, length) VALUES ('web_other', 3)`, [], '15'), (error) => {
            assert.equal(error.errno, 11);
            assert.match(error.message, /as many channels as it may/);
            return true;
        });
        await assert.rejects(server.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('trust_a', 'e', 'm')`, [], '15'), { errno: 11 });
        await server.query(`INSERT INTO pipes_settings (name, length) VALUES ('web_kept', 4)`, [], '15');
        await (await visit(t, server, { dev: 15 })).subscribe('web_1');
        await (await visit(t, server, { dev: 16 })).subscribe('web_5');
        assert.ok(await counter(server, 'channels_refused') >= 3);
        visitor.send('subscription', 'web_1');
        await until(async () => await counter(server, 'channels') === 3, 'channels nobody listens to to be freed'); // web_1, web_kept, web_5 of 16
        await visitor.subscribe('web_1', 'web_5');
    });

    test('has a bound on the memory of its histories, which others do not pay for', async (t) => {
        const server = await serverForTest(t, { 'limits.app_history': '64K', 'main.shards': 1, 'store.backend': 'memory' });
        for (const dev of ['15', '16']) {
            await server.query(`INSERT INTO pipes_settings (name, length) VALUES ('web_a', 1000)`, [], dev);
        }
        const kept = async (dev) => (await server.query(`SELECT message FROM pipes_messages WHERE name = 'web_a' LIMIT 1000`, [], dev)).map((row) => row.message);
        await server.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_a', 'e', 'of 16')`, [], '16');
        for (let i = 0; i < 100; i++) {
            await server.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_a', 'e', '${i} ${'x'.repeat(2000)}')`, [], '15');
        }
        assert.ok(await counter(server, 'history_bytes') <= 65536 + 4096);
        assert.ok(await counter(server, 'history_given_way') > 50);
        const left = (await kept('15')).map((text) => parseInt(text));
        assert.ok(left.length > 5 && left.length < 50 && left.includes(99) && !left.includes(0), `${left}`);
        assert.deepEqual(await kept('16'), ['of 16']);
    });
});

describe('what strangers have begun and not ended, and what they do not read', () => {
    const KEPT = { 'limits.exempt': '10.0.0.0/8', 'limits.kept': '1M', 'main.shards': 1 };
    const begun = Buffer.concat([frame('a'.repeat(400_000), { fin: false }), frame('b', { opcode: OPCODE.continuation }).subarray(0, 6)]);

    test('has a bound for all together: who needs more is closed, who needs little is served', async (t) => {
        const server = await serverForTest(t, KEPT);
        const visitor = await visit(t, server);
        const first = await rawVisit(t, server), second = await rawVisit(t, server), third = await rawVisit(t, server);
        await first.write(begun);
        await until(async () => await counter(server, 'kept_bytes') > 400_000, 'the first to be kept');
        assert.equal(await counter(server, 'kept_refused'), 0);
        await second.write(begun);
        await third.write(begun);
        await until(() => first.closed || second.closed || third.closed, 'one of them to be closed');
        assert.ok(await counter(server, 'kept_refused') >= 1);
        assert.match(server.process.stderr, /what is kept for everybody has reached limits\.kept/);
        const body = await dial(t, server.wsPort);
        await body.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(800_000)}`);
        await body.untilText(/^HTTP\/1\.1 503 [^]*Retry-After: 5/);
        await visitor.fence();
        for (const one of [first, second, third, body]) {
            one.destroy();
        }
        await until(async () => await counter(server, 'kept_bytes') === 0, async () => `${await counter(server, 'kept_bytes')} bytes are still kept`);
        await (await rawVisit(t, server)).write(begun);
        await until(async () => await counter(server, 'kept_bytes') > 400_000, 'there to be room again');
    });

    test('holds for answers as well', async (t) => {
        const server = await serverForTest(t, { ...KEPT, 'ws.max_queue': '64M', 'limits.bytes': 0, 'limits.messages': 0 });
        const visitor = await visit(t, server);
        const deaf = await rawVisit(t, server);
        deaf.socket.pause();
        for (let i = 0; i < 100 && await counter(server, 'kept_refused') === 0; i++) {
            deaf.write(frame(`web_pipe2\nweb_a\ne\n*\n${'m'.repeat(900_000)}`));
            await visitor.fence();
        }
        assert.equal(await counter(server, 'kept_refused'), 1);
        await until(async () => await counter(server, 'kept_bytes') === 0, 'everything to be free');
    });

    test('does not count for those who are exempt', async (t) => {
        const server = await serverForTest(t, { ...KEPT, 'limits.exempt': 'loopback' });
        for (let i = 0; i < 4; i++) {
            await (await rawVisit(t, server)).write(begun);
        }
        await (await visit(t, server)).fence();
        assert.equal(await counter(server, 'kept_refused'), 0);
        assert.equal(await counter(server, 'kept_bytes'), 0);
    });
});

test('requests of one connection are counted like messages, and past the limit refused', async (t) => {
    const server = await serverForTest(t, { 'limits.exempt': '10.0.0.0/8', 'limits.messages': 20 });
    const raw = await dial(t, server.wsPort);
    await raw.write('GET /api/status HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50));
    await raw.untilText(/HTTP\/1\.1 429 Too Many Requests[^]*Retry-After: 5[^]*too much in a second/);
    await raw.untilEnd();
    const served = raw.text().split('HTTP/1.1 200 OK').length - 1;
    assert.ok(served >= 20 && served <= 40, `${served} were answered; the second may have ended between them`);
    assert.equal(await counter(server, 'floods_closed'), 1);
});

test('channels, users and apps that nobody uses any more are freed', async (t) => {
    const server = await serverForTest(t, { 'limits.app_idle': '200ms', 'users.cache': 16, 'main.shards': 2, 'users.save_last_seen': false });
    const figures = async () => ({ channels: await counter(server, 'channels'), users: await counter(server, 'users'), apps: await counter(server, 'apps'),
                                   sessions: await counter(server, 'sessions'), subscriptions: await counter(server, 'subscriptions') });
    for (let app = 1; app <= 40; app++) {
        await server.query(`INSERT INTO users_auth (id, hash) VALUES (${app}, 'hash')`);
        const visitor = await visit(t, server, { dev: app });
        visitor.send('subscription', ...Array.from({ length: 10 }, (_, i) => `web_${i}`));
        await visitor.fence();
        const user = await visit(t, server, { user: app, session: 'hash' });
        await user.fence();
        if (app % 2) {
            await visitor.vanish();
        } else {
            visitor.socket.close();
        }
        await user.vanish();
    }
    await until(async () => {
        const now = await figures();
        return now.channels === 0 && now.sessions === 0 && now.subscriptions === 0 && now.users <= 17 + 2 && now.apps <= 2; // the app of this SQL session
    }, async () => JSON.stringify(await figures()));
});
