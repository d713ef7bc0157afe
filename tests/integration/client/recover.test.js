// client/js/encke.js: logging in, and hearing what was missed.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, connect as dialTcp } from 'node:net';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { connect } from '../../../client/js/encke.js';
import { PASSWORD, Server, serverForSuite, serverForTest, tempDir } from '../support/server.js';
import { until, within } from '../support/wait.js';

/** A TCP relay that a test can cut, and keep cut: the network between a page and the server. */
async function relay(t, port) {
    const sockets = new Set();
    const it = { isCut: false, port: () => port };
    const server = createServer((near) => {
        if (it.isCut) {
            near.destroy();
            return;
        }
        const far = dialTcp(it.port(), '127.0.0.1');
        for (const [a, b] of [[near, far], [far, near]]) {
            sockets.add(a);
            a.on('error', () => {});
            a.on('close', () => { sockets.delete(a); b.destroy(); });
            a.pipe(b);
        }
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => { it.cut(); server.close(); });
    it.cut = () => { it.isCut = true; sockets.forEach((socket) => socket.destroy()); };
    it.mend = () => { it.isCut = false; };
    it.url = `ws://127.0.0.1:${server.address().port}`;
    return it;
}

async function open(t, url, options = {}) {
    const client = connect({ url, WebSocket, minDelay: 20, maxDelay: 50, ...options });
    client.on('error', () => {});
    t.after(() => client.close());
    await within(client.ready(), 'the client to open');
    return client;
}

const token = (claims, secret = `${PASSWORD}0`) => {
    const body = [{ alg: 'HS256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
};
const inSeconds = (n) => Math.floor(Date.now() / 1000) + n;

describe('recovery', () => {
    const suite = serverForSuite({ 'main.shards': 2 });

    const setting = (server, name, length) => server.query(`INSERT INTO pipes_settings (name, length) VALUES ('${name}', ${length})`);

    test('what was said while the connection was cut is heard once, in order, before what follows', async (t) => {
        const server = suite.at, network = await relay(t, server.wsPort), heard = [], recovered = [];
        await setting(server, 'news', 1000);
        const client = await open(t, network.url);
        client.on('recovered', (how) => recovered.push(how));
        client.subscribe('news', (message) => heard.push(message));
        await server.untilCount('news', 1);
        let sent = 0, isOver = false;
        const sending = (async () => {
            while (!isOver) {
                await server.publish('news', 'n', String(sent++));
            }
        })();
        for (let round = 0; round < 8; round++) {
            const before = heard.length;
            await until(() => heard.length > before + 20, 'live messages');
            network.cut();
            const atCut = sent;
            await until(() => sent > atCut + 20, 'messages that are missed');
            network.mend();
            await until(() => recovered.length > round, 'the recovery');
        }
        isOver = true;
        await sending;
        await until(() => heard.length >= sent, 'the last message');
        assert.deepEqual(heard.map(({ data }) => data), Array.from({ length: sent }, (_, i) => i));
        assert.ok(recovered.every((how) => how.recovered && how.channel === 'news' && how.count > 0), JSON.stringify(recovered));
        assert.ok(heard.some((message) => message.isRecovered) && heard.some((message) => !message.isRecovered));
    });

    test('when history is too short, or there is none, the page is told', async (t) => {
        const server = suite.at, network = await relay(t, server.wsPort), heard = [], recovered = [];
        await setting(server, 'short', 3);
        const client = await open(t, network.url);
        client.on('recovered', (how) => recovered.push(how));
        client.subscribe('short', ({ data }) => heard.push(data));
        client.subscribe('plain', ({ data }) => heard.push(data));
        client.subscribe('quiet', ({ data }) => heard.push(data));
        const watcher = await open(t, `ws://127.0.0.1:${server.wsPort}`); /* the channels live on while the other is away */
        watcher.subscribe('plain', () => {});
        watcher.subscribe('quiet', () => {});
        await server.untilCount('plain', 2);
        await server.untilCount('quiet', 2);
        for (const name of ['short', 'plain', 'quiet']) {
            await server.publish(name, 'e', `first of ${name}`);
        }
        await until(() => heard.length === 3, 'the first messages');
        network.cut();
        await server.untilCount('plain', 1);
        for (let i = 0; i < 5; i++) {
            await server.publish('short', 'e', `s${i}`);
        }
        await server.publish('plain', 'e', 'gone for good');
        network.mend();
        await until(() => recovered.length === 3, 'three answers');
        assert.deepEqual(Object.fromEntries(recovered.map((how) => [how.channel, how.recovered])), { short: false, plain: false, quiet: true });
        assert.deepEqual(heard.slice(3), ['s2', 's3', 's4'], 'what there is comes all the same');
    });

    test('a restart of the server is survived', async (t) => {
        const options = { 'main.state_dir': `${tempDir()}/state` }, heard = [], recovered = [];
        const first = await new Server(options).ready();
        const network = await relay(t, first.wsPort);
        await setting(first, 'news', 100);
        const client = await open(t, network.url);
        client.on('recovered', (how) => recovered.push(how));
        client.subscribe('news', ({ data }) => heard.push(data));
        await first.untilCount('news', 1);
        await first.publish('news', 'e', 'heard');
        await until(() => heard.length === 1, 'the first message');
        network.cut();
        await first.untilCount('news', 0);
        await first.publish('news', 'e', 'missed before');
        await first.stop();
        const second = await serverForTest(t, options);
        await second.publish('news', 'e', 'missed after');
        network.port = () => second.wsPort;
        network.mend();
        await until(() => recovered.length === 1, 'the recovery');
        await second.publish('news', 'e', 'live');
        await until(() => heard.length === 4, 'all messages');
        assert.deepEqual(heard, ['heard', 'missed before', 'missed after', 'live']);
        assert.equal(recovered[0].recovered, true);
    });

    test('a history that is asked for meanwhile is whole, and mixes with nothing', async (t) => {
        const server = suite.at, network = await relay(t, server.wsPort), heard = [];
        await setting(server, 'both', 10);
        const client = await open(t, network.url);
        client.subscribe('both', ({ data }) => heard.push(data));
        await server.untilCount('both', 1);
        await server.publish('both', 'e', '1');
        await until(() => heard.length === 1, 'the first message');
        network.cut();
        await server.untilCount('both', 0);
        await server.publish('both', 'e', '2');
        const history = client.history('both'); /* waits for the connection */
        network.mend();
        assert.deepEqual((await history).map(({ data }) => data), [1, 2]);
        await until(() => heard.length === 2, 'the missed message');
        assert.deepEqual(heard, [1, 2]);
    });
});

describe('logging in', () => {
    const suite = serverForSuite();

    test('with a hash, at once or later, and on every later connection', async (t) => {
        const server = suite.at, network = await relay(t, server.wsPort);
        await server.query(`INSERT INTO users_auth (id, hash) VALUES (5, 'five')`);
        const client = await open(t, network.url), heard = [];
        assert.equal(client.isAuthorized, false);
        client.subscribe('msg', ({ data }) => heard.push(data));
        assert.equal(await client.login(5, 'wrong'), false);
        assert.equal(await client.login(5, 'five'), true);
        await server.query(`INSERT INTO users_messages (id, event, message) VALUES (5, 'e', 'one')`);
        await until(() => heard.length === 1, 'a personal message');
        network.cut();
        await until(async () => Number((await server.query('SELECT time FROM users_time WHERE id = 5'))[0].time) > 0, 'him to be offline');
        await server.query(`INSERT INTO users_messages (id, event, message) VALUES (5, 'e', 'two')`);
        network.mend();
        await until(() => heard.length === 2, 'what waited');
        assert.deepEqual([heard, client.isAuthorized], [['one', 'two'], true]);
        await assert.rejects(client.login(0, 'x'), TypeError);
        await assert.rejects(client.login(6, 'x'), /another user/);
    });

    test('a token is renewed on the live connection before it expires', async (t) => {
        let made = 0;
        const client = await open(t, `ws://127.0.0.1:${suite.at.wsPort}`, {
            userId: 6,
            renewBefore: 1,
            getSession: async () => token({ user_id: 6, exp: inSeconds(3), n: ++made }),
        });
        let closed = 0;
        client.on('close', () => closed++);
        assert.equal(client.isAuthorized, true);
        await until(() => made >= 4, 'three renewals', 30_000);
        assert.equal(closed, 0);
    });
});
