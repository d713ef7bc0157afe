// Two thousand connections over several shards: for those who stay, nothing is lost, doubled or out of order, whoever comes and
// goes meanwhile. And a reader that stops reading costs nobody but itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { frame, rawVisit } from './support/raw.js';
import { serverForTest } from './support/server.js';
import { Visitor, visit } from './support/visitor.js';
import { DEADLINE_MS, until } from './support/wait.js';

const CHANNELS = 8;
const STAYERS = 1600;
const PASSERS = 400; // connections open at one time that come and go
const PUBLISHERS = 4; // of each kind
const ROUNDS = 20; // messages of each publisher to each channel
const LONG_MS = DEADLINE_MS * 6;

const channel = (i) => `web_many_${i % CHANNELS}`;

async function inBatches(count, size, make) {
    const all = [];
    for (let i = 0; i < count; i += size) {
        all.push(...await Promise.all(Array.from({ length: Math.min(size, count - i) }, (_, k) => make(i + k))));
    }
    return all;
}

/** Keeps what arrives on each channel, and says what is wrong with it. */
class Listener extends Visitor {
    constructor(server, names) {
        super(server);
        this.names = names;
        this.got = new Map(names.map((name) => [name, []]));
        this.socket.removeAllListeners('message');
        this.socket.on('message', (data) => this.take(data.toString()));
    }

    take(text) {
        const sent = JSON.parse(text);
        if (sent.event === 'serverInfo') {
            this.inbox.push(sent);
        } else {
            this.got.get(sent.pipe).push(sent.data);
        }
    }

    total() {
        return [...this.got.values()].reduce((sum, list) => sum + list.length, 0);
    }
}

/** "p3:17" is number 17 of publisher p3. Throws where one is missing, doubled or late. */
function assertUnbroken(messages, { complete }) {
    const next = new Map();
    for (const message of messages) {
        const [publisher, number] = message.split(':');
        const expected = next.get(publisher) ?? (complete ? 0 : Number(number));
        assert.equal(Number(number), expected, `${publisher}: ${expected} was due, ${message} came`);
        next.set(publisher, expected + 1);
    }
    if (complete) {
        assert.equal(next.size, 2 * PUBLISHERS);
        assert.ok([...next.values()].every((count) => count === ROUNDS));
    }
}

describe('many', () => {
    test('2,000 connections on three shards lose nothing, get nothing twice, and keep the order of each channel', async (t) => {
        const server = await serverForTest(t, { 'main.shards': 3 });
        const everybody = [];
        t.after(() => everybody.forEach((visitor) => visitor.socket.terminate()));

        const arrive = async (names) => {
            const visitor = new Listener(server, names);
            everybody.push(visitor);
            await visitor.open();
            visitor.send('subscription', ...names);
            return visitor;
        };
        const stayers = await inBatches(STAYERS, 100, (i) => arrive([channel(i), channel(i + 3)]));
        const passers = await inBatches(PASSERS, 100, (i) => arrive([channel(i), channel(i + 5)]));
        const perChannel = (2 * (STAYERS + PASSERS)) / CHANNELS;
        for (let i = 0; i < CHANNELS; i++) {
            await server.untilCount(channel(i), perChannel);
        }

        // Passers go and come again for as long as there is publishing.
        let isPublishing = true;
        const goneBy = [];
        const passing = inBatches(20, 20, async (lane) => {
            for (let turn = 0; isPublishing; turn++) {
                const at = (lane * 20 + (turn % 20)) % PASSERS;
                const old = passers[at];
                if (turn % 2) {
                    old.socket.close();
                } else {
                    old.socket.terminate();
                }
                await old.ended;
                goneBy.push(old);
                passers[at] = await arrive(old.names);
            }
        });

        const bySql = Array.from({ length: PUBLISHERS }, async (_, n) => {
            const connection = await server.connect();
            for (let number = 0; number < ROUNDS; number++) {
                for (let i = 0; i < CHANNELS; i++) {
                    await connection.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('${channel(i)}', 'e', 'sql${n}:${number}')`);
                }
            }
        });
        const byBrowser = Array.from({ length: PUBLISHERS }, async (_, n) => {
            const sender = await visit(t, server);
            for (let number = 0; number < ROUNDS; number++) {
                for (let i = 0; i < CHANNELS; i++) {
                    sender.publish(channel(i), 'e', `web${n}:${number}`);
                }
                for (let i = 0; i < CHANNELS; i++) {
                    const { data } = await sender.report(channel(i));
                    assert.ok(data.number_messages >= STAYERS / (CHANNELS / 2), `reached ${data.number_messages}`);
                }
            }
        });
        await Promise.all([...bySql, ...byBrowser]);
        isPublishing = false;
        await passing;

        const each = 2 * PUBLISHERS * ROUNDS;
        await until(() => stayers.every((visitor) => visitor.total() >= 2 * each), () => {
            const behind = stayers.filter((visitor) => visitor.total() < 2 * each);
            return `${behind.length} stayers to get everything; the first has ${behind[0].total()} of ${2 * each}, closed ${behind[0].closed}`;
        }, LONG_MS);

        const order = new Map();
        for (const visitor of stayers) {
            for (const [name, messages] of visitor.got) {
                const text = messages.join();
                if (!order.has(name)) {
                    assertUnbroken(messages, { complete: true });
                    order.set(name, text);
                }
                assert.ok(text === order.get(name), `one order of ${name} for everybody`);
            }
        }
        assert.ok(goneBy.length > 0);
        for (const visitor of goneBy) {
            for (const messages of visitor.got.values()) {
                assertUnbroken(messages, { complete: false });
            }
        }

        // Everything is given back.
        everybody.forEach((visitor) => visitor.socket.terminate());
        for (let i = 0; i < CHANNELS; i++) {
            await server.untilCount(channel(i), 0);
        }
    });

    test('a reader that stops reading is closed, and its neighbours get everything', async (t) => {
        const server = await serverForTest(t, { 'main.shards': 2, 'ws.max_queue': 65536 });
        const slow = await rawVisit(t, server);
        await slow.command('subscription', 'web_slow');
        await server.untilCount('web_slow', 1);
        slow.socket.pause();
        const neighbours = await Promise.all(Array.from({ length: 8 }, () => visit(t, server)));
        for (const neighbour of neighbours) {
            await neighbour.subscribe('web_slow');
        }

        // The kernel takes some megabytes for the slow one before anything has to wait.
        const text = 'x'.repeat(60_000);
        let sent = 0;
        while (sent < 2000 && await server.count('web_slow') === neighbours.length + 1) {
            for (let i = 0; i < 10; i++) {
                await server.publish('web_slow', `e${sent++}`, text);
            }
        }
        await server.untilCount('web_slow', neighbours.length);
        await server.publish('web_slow', 'last', '');
        for (const neighbour of neighbours) {
            for (let i = 0; i < sent; i++) {
                const got = await neighbour.on('web_slow', LONG_MS);
                assert.equal(got.event, `e${i}`);
                assert.equal(got.data.length, text.length);
            }
            assert.equal((await neighbour.on('web_slow')).event, 'last');
        }
        slow.socket.resume();
        await slow.untilEnd(LONG_MS);
        const got = slow.frames().map((f) => f.payload.toString()).filter((line) => line.includes('web_slow')).map((line) => JSON.parse(line).event);
        assert.deepEqual(got, got.map((_, i) => `e${i}`), 'what came before the end is whole and in order');
    });

    test('a flood of questions whose answers are not read ends the connection, not the server', async (t) => {
        const server = await serverForTest(t, { 'ws.max_queue': 65536 });
        const neighbour = await visit(t, server);
        const flooder = await rawVisit(t, server);
        flooder.socket.pause();
        const chunk = Buffer.concat(Array.from({ length: 200 }, () => frame(`web_pipe2\nweb_flood\ne\n*\n${'y'.repeat(2000)}`)));
        for (let i = 0; i < 200 && !flooder.closed && !flooder.error; i++) {
            // A server that stops reading while its answers wait is as good as one that hangs up.
            const written = await Promise.race([flooder.write(chunk).then(() => true), neighbour.count('web_flood').then(() => neighbour.count('web_flood')).then(() => false)]);
            if (!written && flooder.socket.writableLength > 4 * chunk.length) {
                break;
            }
        }
        await neighbour.subscribe('web_neighbour');
        await server.publish('web_neighbour', 'e', 'fine');
        assert.equal((await neighbour.on('web_neighbour')).data, 'fine');
    });

    test('more connections than are allowed are refused, and room is made again', async (t) => {
        const server = await serverForTest(t, { 'ws.max_connections': 20, 'main.shards': 1 });
        const inside = [];
        for (let i = 0; i < 20; i++) {
            inside.push(await visit(t, server));
        }
        const late = new Visitor(server);
        await assert.rejects(late.open());
        await inside[0].vanish();
        await until(async () => {
            const next = new Visitor(server);
            t.after(() => next.socket.terminate());
            return next.open().then(() => true, () => false);
        }, 'room for one more');
        assert.equal((await server.query('SELECT 1')).length, 1);
    });
});
