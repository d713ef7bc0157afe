// SIGUSR2: another process takes over, and nobody misses, doubles or loses anything (docs/internals/upgrade.md).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import mysql from 'mysql2/promise';
import WebSocket from 'ws';
import { connect } from '../../client/js/encke.js';
import { tempDir } from './support/server.js';
import { descriptorsOf, programForTest, upgradedServer } from './support/upgraded.js';
import { Visitor } from './support/visitor.js';
import { until, within } from './support/wait.js';

const OURS = Number(process.env.ENCKE_TEST_CLIENTS || 300), CLASSIC = 200, UPGRADES = 3, PAUSE_MS = 20, A_FEW = 10;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms)); // the pace of a publisher, not a wait for anything

/** What one subscriber has heard of one channel: `from` -> numbers, in the order in which they came. */
class Heard {
    constructor() {
        this.of = new Map();
    }

    note(text) {
        const [from, number] = text.split(':');
        const numbers = this.of.get(from) ?? [];
        this.of.set(from, numbers);
        numbers.push(Number(number));
    }

    /** Nothing twice, nothing out of order; the number of gaps. */
    check(who) {
        let gaps = 0;
        for (const [from, numbers] of this.of) {
            numbers.forEach((number, i) => {
                assert.ok(i === 0 || number > numbers[i - 1], `${who} heard ${number} of ${from} after ${numbers[i - 1]}`);
                gaps += i > 0 && number !== numbers[i - 1] + 1;
            });
        }
        return gaps;
    }

    last(from) {
        return this.of.get(from)?.at(-1) ?? 0;
    }
}

/** A page with our client, which recovers. */
function page(t, server, channel, heard) {
    const client = connect({ url: server.ws, WebSocket });
    t.after(() => client.close());
    client.on('error', () => {});
    client.subscribe(channel, (message) => heard.note(String(message.data)));
    client.on('recovered', ({ recovered }) => { heard.unrecovered = (heard.unrecovered ?? 0) + !recovered; });
    return client;
}

/** A page with CppComet's library: comes back after any end, and has no way to ask what it missed. */
async function classicPage(t, server, channel, lives) {
    let isOver = false;
    t.after(() => { isOver = true; });
    while (!isOver) {
        const visitor = new Visitor(server), heard = new Heard();
        t.after(() => visitor.socket.terminate());
        lives.push(heard);
        visitor.socket.on('message', (data) => {
            const frame = JSON.parse(data.toString());
            if (frame.pipe === channel) {
                heard.note(frame.data.replaceAll('"', '')); // a page publishes JSON
            }
        });
        await visitor.opened;
        visitor.send('subscription', channel);
        lives.open = (lives.open ?? 0) + 1;
        await visitor.ended;
    }
}

/** Publishes numbered messages from SQL until it is told to stop; what has no answer is said again. */
class SqlPublisher {
    constructor(server, name, channels) {
        Object.assign(this, { server, name, channels, number: 0, lost: 0, isOver: false });
        this.done = this.run();
    }

    async insert(text) {
        const values = this.channels.map((channel) => `('${channel}', 'e', '${text}')`).join(', ');
        for (;;) {
            try {
                if (!this.connection) {
                    this.connection = await mysql.createConnection(this.server.sqlOptions());
                    this.connection.on('error', () => {});
                }
                await this.connection.query(`INSERT INTO pipes_messages (name, event, message) VALUES ${values}`);
                return;
            } catch (error) {
                assert.ok(this.connection, `could not connect: ${error.message}`);
                assert.match(`${error.code} ${error.message}`, /PROTOCOL_CONNECTION_LOST|ECONNRESET|EPIPE|in closed state/);
                this.connection.destroy();
                this.connection = undefined;
                this.lost++;
            }
        }
    }

    async run() {
        while (!this.isOver) {
            await this.insert(`${this.name}:${this.number + 1}`);
            this.number++;
            await pause(PAUSE_MS);
        }
        this.connection.destroy();
    }
}

/** The same from a page. The client says again what was not done. */
class PagePublisher {
    constructor(t, server, name, channels) {
        this.client = connect({ url: server.ws, WebSocket });
        t.after(() => this.client.close());
        Object.assign(this, { name, channels, number: 0, isOver: false });
        this.done = this.run();
    }

    async run() {
        while (!this.isOver) {
            const text = `${this.name}:${this.number + 1}`;
            await Promise.all(this.channels.map((channel) => this.client.publish(channel, text)));
            this.number++;
            await pause(PAUSE_MS);
        }
    }
}

/** Connections that come all the time: each must be let in and greeted. */
class Comers {
    constructor(server) {
        Object.assign(this, { server, count: 0, isOver: false });
        this.done = Promise.all([this.run(), this.run()]);
        this.done.catch((error) => { this.error = error; });
    }

    async run() {
        while (!this.isOver) {
            const visitor = await new Visitor(this.server).open();
            this.count++;
            visitor.socket.terminate();
            await pause(1);
        }
    }
}

/** The whole: subscribers of every kind, publishers of every kind, and some upgrades in the middle of it. */
async function liveThrough(t, server, { upgrades = UPGRADES, ours = OURS, classics = CLASSIC }) {
    await server.query("INSERT INTO pipes_settings (name, length) VALUES ('web_kept', 1000)");
    const heards = Array.from({ length: ours }, () => new Heard()), lives = Array.from({ length: classics }, () => []);
    const clients = heards.map((heard) => page(t, server, 'web_kept', heard));
    await Promise.all(clients.map((client) => within(client.ready(), 'a client')));
    const plain = lives.map((list) => classicPage(t, server, 'web_plain', list));
    plain.forEach((promise) => promise.catch((error) => { lives.error = error; }));
    await until(() => lives.every((list) => list.open), 'the classic pages');
    await server.untilCount('web_kept', ours);
    await server.untilCount('web_plain', classics);
    server.connections.splice(0).forEach((connection) => connection.destroy());
    server.sessions = undefined;

    const channels = ['web_kept', 'web_plain'];
    const publishers = [new SqlPublisher(server, 'sql', channels), new PagePublisher(t, server, 'page', channels)];
    const comers = new Comers(server);
    publishers.forEach((publisher) => publisher.done.catch((error) => { publisher.error = error; }));
    for (let i = 0; i < upgrades; i++) {
        const before = publishers.map(({ number }) => number);
        await until(() => publishers.every(({ number, error }, k) => { assert.ifError(error); return number > before[k] + A_FEW; }),
                    () => `publications${server.process.said()}`);
        const old = await server.upgrade();
        await server.untilGone(old);
    }
    const after = publishers.map(({ number }) => number);
    await until(() => publishers.every(({ number, error }, k) => { assert.ifError(error); return number > after[k] + A_FEW; }), 'more publications');
    comers.isOver = true;
    await within(comers.done, 'the comers');
    publishers.forEach((publisher) => { publisher.isOver = true; });
    await within(Promise.all(publishers.map(({ done }) => done)), 'the publishers to end');
    assert.ifError(lives.error);
    assert.ifError(comers.error);

    const totals = Object.fromEntries(publishers.map(({ name, number }) => [name, number]));
    const hasAll = (heard) => Object.entries(totals).every(([name, number]) => heard.last(name) === number);
    await until(() => heards.every(hasAll), () => `all messages; ${heards.filter((heard) => !hasAll(heard)).length} pages lack some`);
    await until(() => lives.every((list) => hasAll(list.at(-1))), () => `all messages; ${lives.filter((list) => !hasAll(list.at(-1))).length} classic pages lack some`);
    const gaps = heards.reduce((sum, heard, i) => sum + heard.check(`page ${i}`), 0);
    assert.equal(gaps, 0, `${gaps} gaps`);
    for (const heard of heards) {
        for (const [name, number] of Object.entries(totals)) {
            assert.equal(heard.of.get(name)[0], 1);
            assert.equal(heard.of.get(name).length, number);
        }
        assert.equal(heard.unrecovered ?? 0, 0, 'recovered: false');
    }
    for (const list of lives) {
        assert.equal(list.length, upgrades + 1, 'a classic page came back as often as there were upgrades');
        list.forEach((heard, i) => assert.equal(heard.check(`classic page, connection ${i}`), 0, 'nothing is missed on one connection'));
    }
    assert.ok(publishers[0].lost <= 2 * upgrades, `the SQL connection was lost ${publishers[0].lost} times`);
    return { totals, comers: comers.count };
}

describe('SIGUSR2', () => {
    test('another process takes over, several times, while all publish and listen', async (t) => {
        const server = await upgradedServer(t, { 'main.shards': 2, 'main.drain_rate': 500 });
        const { totals, comers } = await liveThrough(t, server, {});
        t.diagnostic(`${JSON.stringify(totals)} messages, ${comers} connections came meanwhile`);
        assert.equal(server.readyLines, UPGRADES + 1);
        await server.stopAll();
    });

    test('the same with a store in memory: what it has goes over', async (t) => {
        const server = await upgradedServer(t, { 'main.shards': 2, 'main.drain_rate': 300, 'store.backend': 'memory' });
        await server.query("INSERT INTO users_auth (id, hash) VALUES (5, 'abc')");
        await server.query("INSERT INTO users_data (id, data) VALUES (5, 'kept')");
        await server.query("INSERT INTO users_messages (id, event, message) VALUES (5, 'e', 'waits')");
        await server.query("INSERT INTO conference (name, user_id, caller_id) VALUES ('room', 5, 6)").catch(() => {});
        await liveThrough(t, server, { upgrades: 2, ours: 60, classics: 30 });
        assert.equal((await server.query('SELECT data FROM users_data WHERE id = 5'))[0].data, 'kept');
        assert.equal((await server.query("SELECT length FROM pipes_settings WHERE name = 'web_kept'"))[0].length, '1000');
        const user = await new Visitor(server, { user: 5, session: 'abc' }).open();
        assert.equal(user.info.authorized, true);
        assert.equal((await user.on('msg')).data, 'waits');
        user.socket.terminate();
        await server.stopAll();
    });
});

/** A server with somebody who listens, and whose program can become another. */
async function scene(t, options) {
    const program = programForTest(t);
    const server = await upgradedServer(t, { 'main.shards': 2, 'main.upgrade_timeout': '1500ms', ...options }, { binary: program.path });
    await server.query("INSERT INTO pipes_settings (name, length) VALUES ('web_kept', 1000)");
    const heard = new Heard(), client = page(t, server, 'web_kept', heard);
    let closes = 0, sent = 0;
    client.on('close', () => closes++);
    await within(client.ready(), 'the client');
    await server.untilCount('web_kept', 1);
    const say = async () => {
        await server.publish('web_kept', 'e', `sql:${++sent}`);
        await until(() => heard.last('sql') === sent, () => `message ${sent}${server.process.said()}`);
    };
    await say();
    return { server, program, client, heard, say, closes: () => closes, reconnect: () => forget(server) };
}

/** SQL connections end with their process; the next statement makes a new one. */
function forget(server) {
    server.connections.splice(0).forEach((connection) => connection.destroy());
    server.sessions = undefined;
}

describe('the new process does not take over, and nobody notices', () => {
    const hitches = [
        ['the program is not there', (program) => program.become('server') ?? program.remove(), /could not be started|has ended/],
        ['the program is no program', (program) => program.become('rubbish'), /has ended|could not be started/],
        ['it ends at once', (program) => program.fail('start'), /has ended/],
        ['it never says that it is ready', (program) => program.fail('hang at the start'), /not ready within/],
        ['it knows another way of handing over', (program) => program.fail('version'), /takes over in another way/],
        ['it is killed while it is told what there is', (program) => program.fail('state'), /has ended/],
        ['it is killed when it has been told everything', (program) => program.fail('end'), /has ended/],
        ['it hangs when it has been told everything', (program) => program.fail('hang after the end'), /not ready within/],
    ];
    for (const backend of ['sqlite', 'memory']) {
        for (const [what, spoil, words] of hitches) {
            test(`${what} (${backend})`, async (t) => {
                const { server, program, say, heard, closes } = await scene(t, { 'store.backend': backend });
                spoil(program);
                server.signal('SIGUSR2');
                await until(() => /this one goes on as before|stop this one and start/.test(server.log), () => `a word of it${server.process.said()}`);
                assert.match(server.log, words);
                await say();
                await server.query("INSERT INTO users_data (id, data) VALUES (5, 'x')");
                const visitor = await new Visitor(server).open();
                visitor.socket.terminate();
                assert.equal(closes(), 0, 'the connection was lost');
                assert.equal(heard.check('the page'), 0);
                assert.equal(server.pid, server.process.pid);
                await server.stopAll();
            });
        }
    }

    test('its configuration is wrong', async (t) => {
        const directory = tempDir(), file = join(directory, 'encke.ini');
        t.after(() => rmSync(directory, { recursive: true }));
        writeFileSync(file, '[ws]\nping = 20s\n');
        const server = await upgradedServer(t, {}, { args: [`--config=${file}`] });
        const visitor = await new Visitor(server).open();
        writeFileSync(file, '[ws]\npnig = soon\nport = many\n');
        server.signal('SIGUSR2');
        await until(() => /goes on as before/.test(server.log), () => `a word of it${server.process.said()}`);
        assert.match(server.log, /port/);
        await visitor.fence();
        writeFileSync(file, '[ws]\nping = 21s\n');
        await server.upgrade();
        await visitor.ended;
        await server.stopAll();
    });

    test('a second wish meanwhile is refused', async (t) => {
        const { server, program, say } = await scene(t, { 'main.upgrade_timeout': '60s' });
        program.fail('hang at the start');
        server.signal('SIGUSR2');
        await until(() => server.started.length === 2, 'the start');
        server.signal('SIGUSR2');
        await until(() => /one is under way already/.test(server.log), () => `the refusal${server.process.said()}`);
        await say();
        server.signal('SIGTERM'); // and this one is heard
        await server.stopAll();
        assert.equal(server.process.result.code, 0);
    });

    test('SIGTERM while everything stands still ends the server in order', async (t) => {
        const { server, program } = await scene(t, { 'main.upgrade_timeout': '60s', 'main.drain_timeout': '100ms' });
        program.fail('hang after the end');
        server.signal('SIGUSR2');
        await until(() => server.started.length === 2, 'the start');
        server.signal('SIGTERM');
        await server.stopAll();
        assert.equal(server.process.result.code, 0, server.process.said());
    });
});

describe('while the connections of the old process leave', () => {
    const SLOWLY = { 'main.drain_rate': 1, 'main.drain_timeout': '60s' };

    /** Somebody leaves at once, the others stay for as long as the test is. */
    async function halfWay(t, options = {}) {
        const all = await scene(t, { ...SLOWLY, 'main.shards': 1, ...options });
        const visitors = await Promise.all(Array.from({ length: 5 }, () => new Visitor(all.server).open()));
        t.after(() => visitors.forEach((visitor) => visitor.socket.terminate()));
        await Promise.all(visitors.map((visitor) => visitor.subscribe('web_kept')));
        const old = await all.server.upgrade();
        all.reconnect();
        return { ...all, visitors, old };
    }

    test('they hear what is said in the new one, and whoever speaks goes', async (t) => {
        const { server, visitors, say, old, client } = await halfWay(t);
        await say();
        await until(() => visitors.filter((visitor) => !visitor.closed).every((visitor) => visitor.texts.some((text) => text.includes('sql:2'))), 'all to hear it');
        const last = visitors.at(-1), before = last.texts.length;
        last.publish('web_kept', 'e', 'nobody:1');
        await within(last.ended, 'the one who spoke to be let go');
        assert.ok(!last.texts.slice(before).some((text) => text.includes('_answer_to_')), 'there was an answer');
        assert.equal((await client.history('web_kept')).some((message) => String(message.data).includes('nobody')), false);
        assert.ok(server.isAlive(old));
        server.killAll();
    });

    test('SIGUSR2 to the new one is refused', async (t) => {
        const { server, say } = await halfWay(t);
        server.signal('SIGUSR2');
        await until(() => /still lets its connections go/.test(server.log), () => `the refusal${server.process.said()}`);
        await say();
        server.killAll();
    });

    test('SIGTERM to the old one ends it, and everybody comes to the new one', async (t) => {
        const { server, visitors, say, old, client } = await halfWay(t);
        server.signal('SIGTERM', old);
        await server.untilGone(old);
        await Promise.all(visitors.map((visitor) => within(visitor.ended, 'the end of a connection')));
        await until(() => client.state === 'open', 'the client to be back');
        await say();
        await server.stopAll();
        assert.equal(server.process.result.code, 0);
    });

    test('SIGTERM to the new one ends both', async (t) => {
        const { server } = await halfWay(t, { 'main.drain_timeout': '200ms' });
        await server.stopAll();
        assert.equal(server.process.result.code, 0, server.process.said());
    });

    test('the old one is killed: everybody comes to the new one and has missed nothing', async (t) => {
        const { server, heard, say, old } = await halfWay(t);
        server.signal('SIGKILL', old);
        await say();
        assert.equal(heard.check('the page'), 0);
        await server.stopAll();
    });

    test('the old one is killed while the new one starts: that goes on alone', async (t) => {
        for (const backend of ['sqlite', 'memory']) {
            const { server, client } = await scene(t, { 'store.backend': backend });
            server.signal('SIGUSR2');
            await until(() => server.started.length === 2, 'the start');
            server.signal('SIGKILL', server.process.pid);
            await until(() => server.readyLines === 2, () => `the new one to serve${server.process.said()}`);
            await until(() => client.state === 'open', 'the client to be back');
            forget(server);
            const kept = await server.query("SELECT length FROM pipes_settings WHERE name = 'web_kept'");
            assert.equal(kept.length, backend === 'sqlite' ? 1 : 0, server.process.said());
            server.signal('SIGTERM', server.started[1]);
            await within(server.process.ended, 'the end');
        }
    });

    test('the new one is killed: the old one becomes the program, and has the port', async (t) => {
        const { server, heard, say, old, reconnect } = await halfWay(t);
        await say();
        server.signal('SIGKILL', server.pid);
        await until(() => server.readyLines === 3, () => `the third start${server.process.said()}`);
        assert.match(server.log, /has been killed; starting it again/);
        reconnect();
        await say();
        assert.equal(heard.check('the page'), 0);
        assert.ok(server.isAlive(old));
        server.signal('SIGTERM', old);
        await within(server.process.ended, 'the end');
        assert.equal(server.process.result.code, 0, server.process.said());
    });

    test('the new one is killed with its first breath: the same', async (t) => {
        const { server, program, say, reconnect } = await scene(t, SLOWLY);
        const stay = await Promise.all(Array.from({ length: 20 }, () => new Visitor(server).open())); // the old one is there when it happens
        t.after(() => stay.forEach((visitor) => visitor.socket.terminate()));
        program.fail('serving');
        server.signal('SIGUSR2');
        await until(() => server.readyLines === 2, () => `the second start${server.process.said()}`);
        reconnect();
        await say();
        server.signal('SIGTERM', server.process.pid);
        await within(server.process.ended, 'the end');
        assert.equal(server.process.result.code, 0, server.process.said());
    });
});

describe('users and members', () => {
    const SLOWLY = { 'main.shards': 1, 'main.drain_rate': 1, 'main.drain_timeout': '60s' };

    /** Those who came first are let go first: so many that the others are here for as long as the test is. */
    async function decoys(t, server, count = 20) {
        const all = await Promise.all(Array.from({ length: count }, () => new Visitor(server).open()));
        t.after(() => all.forEach((visitor) => visitor.socket.terminate()));
    }

    /** An upgrade, after which who watches is in the new process. */
    async function upgradeBut(server, watcher, channel, count = 1) {
        const moved = new Promise((resolve) => watcher.on('close', resolve)), old = await server.upgrade();
        forget(server);
        await within(moved, 'the watcher to be moved');
        await until(() => watcher.state === 'open', 'the watcher to be back');
        await server.untilCount(channel, count);
        return old;
    }

    /** A user who is watched. */
    async function known(t, options) {
        const server = await upgradedServer(t, { ...SLOWLY, ...options });
        await server.query("INSERT INTO users_auth (id, hash) VALUES (5, 'abc')");
        const watcher = connect({ url: server.ws, WebSocket });
        t.after(() => watcher.close());
        const events = [];
        watcher.on('error', () => {});
        watcher.subscribe('user_status_5', (message) => events.push(message.data));
        await within(watcher.ready(), 'the watcher');
        await server.untilCount('user_status_5', 1);
        await decoys(t, server);
        const come = async () => {
            const user = await new Visitor(server, { user: 5, session: 'abc' }).open();
            t.after(() => user.socket.terminate());
            assert.equal(user.info.authorized, true);
            return user;
        };
        const user = await come();
        await until(() => events.length === 1, 'the event online');
        return { server, events, user, come, watcher };
    }

    test('who is told to move is neither offline nor online again, and a message waits for him', async (t) => {
        const { server, events, user, come, watcher } = await known(t);
        const old = await upgradeBut(server, watcher, 'user_status_5');
        assert.equal((await server.query('SELECT time FROM users_time WHERE id = 5'))[0].time, '0', 'he is online');
        await server.query("INSERT INTO users_messages (id, event, message) VALUES (5, 'e', 'one')");
        await within(user.ended, 'his connection to be called over');
        await server.query("INSERT INTO users_messages (id, event, message) VALUES (5, 'e', 'two')");
        const again = await come();
        assert.equal((await again.on('msg')).data, 'one');
        assert.equal((await again.on('msg')).data, 'two');
        assert.equal(user.texts.filter((text) => /"one"|"two"/.test(text)).length, 0);
        await server.query("INSERT INTO users_messages (id, event, message) VALUES (5, 'e', 'three')");
        assert.equal((await again.on('msg')).data, 'three');
        server.signal('SIGTERM', old);
        await server.untilGone(old);
        assert.deepEqual(events, ['online']);
        await again.vanish();
        await until(() => events.length === 2, 'the event offline');
        assert.deepEqual(events, ['online', 'offline']);
        server.killAll();
    });

    test('a page of his that is still in the old process hears what another one in the new process hears', async (t) => {
        const { server, user, come, watcher } = await known(t);
        await upgradeBut(server, watcher, 'user_status_5');
        const other = await come();
        await server.query("INSERT INTO users_messages (id, event, message) VALUES (5, 'e', 'one')");
        assert.equal((await other.on('msg')).data, 'one');
        assert.equal((await user.on('msg')).data, 'one');
        server.killAll();
    });

    test('who does not come back is offline in the end', async (t) => {
        const { server, events, watcher } = await known(t, { 'main.upgrade_return': '500ms' });
        const old = await upgradeBut(server, watcher, 'user_status_5');
        server.signal('SIGTERM', old);
        await server.untilGone(old);
        await until(() => events.length === 2, () => `the event offline, there is ${events}`);
        assert.deepEqual(events, ['online', 'offline']);
        await server.stopAll();
    });

    test('members of a channel that announces them neither leave nor join when they move', async (t) => {
        const server = await upgradedServer(t, SLOWLY);
        const events = [], watcher = connect({ url: server.ws, WebSocket });
        t.after(() => watcher.close());
        watcher.on('error', () => {});
        watcher.subscribe('track_a', (message) => events.push(message));
        await within(watcher.ready(), 'the watcher');
        await server.untilCount('track_a', 1);
        await decoys(t, server);
        const come = async (uuid) => {
            const visitor = await new Visitor(server, { uuid }).open();
            t.after(() => visitor.socket.terminate());
            visitor.send('subscription', 'track_a');
            await visitor.fence();
            return visitor;
        };
        const stays = await come(), goes = await come();
        await until(() => events.length === 2, 'two to join');
        const old = await upgradeBut(server, watcher, 'track_a', 3);
        await goes.vanish(); // by himself
        await until(() => events.length === 3, 'the one who went');
        server.signal('SIGTERM', old);
        await within(stays.ended, 'the end of the other');
        await come(stays.uuid);
        const fresh = await come();
        await until(() => events.length === 4, () => `a new one to join; ${JSON.stringify(events)}`);
        const seen = events.map((message) => `${message.event} ${message.data?.uuid ?? message.data}`);
        assert.equal(seen.filter((text) => text.includes(stays.uuid)).length, 1, seen.join('; '));
        assert.equal(seen.filter((text) => text.includes(goes.uuid)).length, 2, seen.join('; '));
        assert.equal(seen.filter((text) => text.includes(fresh.uuid)).length, 1, seen.join('; '));
        const present = (await watcher.presence('track_a')).map(({ uuid }) => uuid).sort();
        assert.deepEqual(present, [watcher.uuid, stays.uuid, fresh.uuid].sort());
        await server.stopAll();
    });
});

test('descriptors and processes do not pile up', async (t) => {
    const server = await upgradedServer(t, { 'main.shards': 2 });
    let first;
    for (let i = 0; i < 4; i++) {
        const visitor = await new Visitor(server).open();
        const old = await server.upgrade();
        await within(visitor.ended, 'the visitor to be let go');
        await server.untilGone(old);
        first ??= descriptorsOf(server.pid); // perhaps with the connection to the old process, which ends at this moment
        await until(() => descriptorsOf(server.pid) <= first, () => `${first} descriptors, there are ${descriptorsOf(server.pid)}`);
    }
    await server.stopAll();
});

test('the pid file and the service manager follow', async (t) => {
    const directory = tempDir(), socket = join(directory, 'notify'), pidfile = join(directory, 'pid');
    t.after(() => rmSync(directory, { recursive: true }));
    const manager = spawn('python3', ['-uc', `import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('${socket}')
print('bound')
while True: print(s.recv(4096).decode().replace('\\n', ' '))`], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => manager.kill());
    let told = '';
    manager.stdout.setEncoding('utf8').on('data', (text) => { told += text; });
    await until(() => told.includes('bound'), 'the manager');
    const server = await upgradedServer(t, { 'main.pidfile': pidfile }, { env: { NOTIFY_SOCKET: socket } });
    await until(() => told.includes(`READY=1 MAINPID=${server.process.pid}`), () => `to be told of the start: ${told}`);
    const old = await server.upgrade();
    await until(() => told.includes(`READY=1 MAINPID=${server.pid}`), () => `to be told of the new process: ${told}`);
    assert.match(told, /RELOADING=1 MONOTONIC_USEC=\d+/);
    await server.untilGone(old);
    assert.equal(Number(readFileSync(pidfile, 'utf8')), server.pid);
    await server.stopAll();
    await until(() => told.includes('STOPPING=1'), () => `to be told of the end: ${told}`);
    assert.ok(!existsSync(pidfile));
});
