// client/js/encke.js against a real server, in Node.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { connect, ServerError } from '../../../client/js/encke.js';
import { serverForSuite, serverForTest, startServer } from '../support/server.js';
import { until, within } from '../support/wait.js';

describe("Encke's client", () => {
    const suite = serverForSuite();

    /** A client of a visitor of its own, connected. */
    async function open(t, options = {}, server = suite.at) {
        const client = connect({ url: `ws://127.0.0.1:${server.wsPort}`, WebSocket, ...options });
        t.after(() => client.close());
        await within(client.ready(), 'the client to open');
        return client;
    }

    test('a subscriber hears what a SQL client inserts, JSON parsed and other text as it is', async (t) => {
        const client = await open(t);
        const heard = [];
        client.subscribe('web_sql', (message) => heard.push(message));
        await suite.at.untilCount('web_sql', 1);
        await suite.at.publish('web_sql', 'paid', '{"order":1}');
        await suite.at.publish('web_sql', 'note', 'just text');
        await until(() => heard.length === 2, 'two messages');
        assert.deepEqual(heard.map(({ channel, event, data, userId }) => ({ channel, event, data, userId })), [
            { channel: 'web_sql', event: 'paid', data: { order: 1 }, userId: undefined },
            { channel: 'web_sql', event: 'note', data: 'just text', userId: undefined },
        ]);
    });

    test('the escapes of a driver do not reach the page', async (t) => {
        const client = await open(t);
        const heard = [];
        client.subscribe('web_escaped', ({ data }) => heard.push(data));
        await suite.at.untilCount('web_escaped', 1);
        const values = [{ text: `it's "quoted" \\ back\nline` }, "it's a text", 'C:\\new\\table', 'line\nbreak "and" more', 17, 'plain', '100%'];
        for (const value of values) {
            const text = typeof value === 'string' ? value : JSON.stringify(value);
            await suite.at.query("INSERT INTO pipes_messages (name, event, message) VALUES ('web_escaped', 'e', ?)", [text]);
        }
        await suite.at.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_escaped', 'e', '{"pasted":"a\\\\b \\"c\\""}')`);
        await until(() => heard.length === values.length + 1, 'every value');
        assert.deepEqual(heard, [...values, { pasted: 'a\\b "c"' }]);
    });

    test('what is published arrives as it was, whatever it is, in order, and the report says where', async (t) => {
        const [sender, receiver] = [await open(t), await open(t)];
        const values = [null, 0, -1.5, true, '', 'text', "it's \\' \"quoted\" \\\\", 'emoji 😀 \u2028\u0000', [1, [2]], { a: { b: "c\\'" } }];
        const heard = [];
        receiver.subscribe('web_values', ({ data, event }) => heard.push([event, data]));
        assert.equal(await receiver.count('web_values'), 1);
        const reports = await Promise.all(values.map((value, i) => sender.publish('web_values', value, { event: `e${i}` })));
        assert.deepEqual(reports, values.map(() => ({ reached: 1 })));
        await until(() => heard.length === values.length, 'every value');
        assert.deepEqual(heard, values.map((value, i) => [`e${i}`, value]));
    });

    test('a thousand publications at once keep their order', async (t) => {
        const [sender, receiver] = [await open(t), await open(t)];
        const heard = [];
        receiver.subscribe('web_many', ({ data }) => heard.push(data));
        await receiver.count('web_many');
        const numbers = Array.from({ length: 1000 }, (_, i) => i);
        await Promise.all(numbers.map((i) => sender.publish('web_many', i)));
        await until(() => heard.length === numbers.length, 'every number');
        assert.deepEqual(heard, numbers);
    });

    test('the history has an end, also when it is empty, and when several are asked for at once', async (t) => {
        const client = await open(t);
        assert.deepEqual(await client.history('web_unrecorded'), []);
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 5)");
        for (let i = 1; i <= 7; i++) {
            await suite.at.publish('web_log', 'e', `${i}`);
        }
        const [all, newest, none] = await Promise.all([client.history('web_log'), client.history('web_log', { limit: 2 }),
                                                       client.history('web_other')]);
        assert.deepEqual(all.map(({ data, isHistory }) => [data, isHistory]), [3, 4, 5, 6, 7].map((n) => [n, true]));
        assert.deepEqual(newest.map(({ data }) => data), [6, 7]);
        assert.deepEqual(none, []);
    });

    test('presence lists who is there, and events tell who comes and goes', async (t) => {
        const [one, two] = [await open(t, { uuid: 'A'.repeat(32) }), await open(t, { uuid: 'B'.repeat(32) })];
        const events = [];
        one.subscribe('track_room', ({ event, data }) => events.push([event, data.uuid]));
        assert.deepEqual(await one.presence('track_room'), [{ userId: 0, uuid: 'A'.repeat(32) }]);
        two.subscribe('track_room');
        assert.deepEqual((await two.presence('track_room')).map(({ uuid }) => uuid[0]).sort(), ['A', 'B']);
        two.close();
        await until(() => events.length === 2, 'both events');
        assert.deepEqual(events, [['subscription', 'B'.repeat(32)], ['unsubscription', 'B'.repeat(32)]]);
    });

    test('an async iterator gives the messages, and leaving it unsubscribes', async (t) => {
        const [sender, receiver] = [await open(t), await open(t)];
        const iteration = (async () => {
            const heard = [];
            for await (const { data } of receiver.subscribe('web_iterate')) {
                heard.push(data);
                if (data === 3) {
                    break;
                }
            }
            return heard;
        })();
        await suite.at.untilCount('web_iterate', 1);
        for (let i = 1; i <= 5; i++) {
            await sender.publish('web_iterate', i);
        }
        assert.deepEqual(await within(iteration, 'the end of the loop'), [1, 2, 3]);
        await suite.at.untilCount('web_iterate', 0);
    });

    test('an iterator that falls too far behind fails instead of filling the memory', async (t) => {
        const [sender, receiver] = [await open(t), await open(t, { maxBuffered: 10 })];
        const iterator = receiver.subscribe('web_slow')[Symbol.asyncIterator]();
        await receiver.count('web_slow');
        await Promise.all(Array.from({ length: 12 }, (_, i) => sender.publish('web_slow', i)));
        await suite.at.untilCount('web_slow', 0);
        for (let i = 0; i <= 10; i++) {
            assert.equal((await iterator.next()).value.data, i);
        }
        await assert.rejects(iterator.next(), /behind/);
    });

    test('a second subscription to a channel costs nothing, and the channel goes with the last', async (t) => {
        const client = await open(t);
        let first = 0, second = 0;
        const one = client.subscribe('web_twice', () => first++);
        const two = client.subscribe('web_twice', () => second++);
        assert.equal(await client.count('web_twice'), 1);
        one.unsubscribe();
        await suite.at.publish('web_twice', 'e', 'x');
        await until(() => second === 1, 'the message');
        assert.equal(first, 0);
        two.unsubscribe();
        assert.equal(await client.count('web_twice'), 0);
    });

    test('wrong names are refused before they are sent', async (t) => {
        const client = await open(t);
        for (const name of ['x', 'with space', 'a'.repeat(65), 'a.b', '', undefined]) {
            assert.throws(() => client.subscribe(name), /2 to 64 characters/);
        }
        await assert.rejects(client.publish('orders', 1), /web_/);
        await assert.rejects(client.publish('web_x', 1, { event: 'a b' }), /event/);
        await assert.rejects(client.history('no such name'), TypeError);
        assert.equal(await client.count('web_x'), 0, 'the connection is as good as before');
    });

    test('the refusals of the server reach who asked', async (t) => {
        const client = await open(t);
        await assert.rejects(client.publish('webauth_x', 1), ServerError);
        await assert.rejects(client.history('private_x'), ServerError);
        await assert.rejects(client.count('orders'), ServerError);
        await assert.rejects(client.presence('web_x'), ServerError);
        assert.equal(await client.count('web_x'), 0);
    });

    test('after a lost connection it comes back, subscribes again, and does what waited', async (t) => {
        const client = await open(t, { minDelay: 20 });
        const heard = [];
        client.subscribe('web_again', ({ data }) => heard.push(data));
        client.subscribe('track_again');
        await client.count('web_again');
        const closes = [];
        client.on('close', (event) => closes.push(event));
        client._socket.terminate();
        await until(() => closes.length === 1, 'the loss to be noticed');
        const [count] = await Promise.all([client.count('web_again'), client.publish('web_meanwhile', 1)]);
        assert.equal(count, 1);
        await suite.at.publish('web_again', 'e', '"after"');
        await until(() => heard.length === 1, 'the message after the return');
        assert.deepEqual(heard, ['after']);
        assert.deepEqual(closes, [{ isFinal: false }]);
    });

    test('a publication whose report is lost is rejected, not repeated', async (t) => {
        const client = await open(t, { minDelay: 20 });
        const answer = client.publish('web_lost', 1);
        client._socket.terminate();
        client._lost(); /* before a report can come */
        await assert.rejects(answer, /may have been delivered/);
        assert.equal(await client.count('web_lost'), 0);
    });

    test('it survives a restart of the server', async (t) => {
        const first = await startServer();
        const client = await open(t, { minDelay: 20, maxDelay: 50 }, first);
        client.subscribe('web_restart');
        await client.count('web_restart');
        await first.stop();
        const second = await serverForTest(t, { 'ws.port': first.wsPort });
        assert.equal(await within(client.count('web_restart'), 'an answer from the new server'), 1);
        await second.untilCount('web_restart', 1);
    });

    test('a server that is full says when to come again, and is not asked before that', async (t) => {
        const server = await serverForTest(t, { 'ws.max_connections': 1 });
        const first = await open(t, {}, server);
        const late = connect({ url: `ws://127.0.0.1:${server.wsPort}`, WebSocket, minDelay: 1, random: () => 0.5 });
        t.after(() => late.close());
        const delays = [];
        late.on('reconnecting', ({ delay }) => delays.push(delay));
        await until(() => delays.length === 1, 'the refusal');
        assert.deepEqual(delays, [7500]); // Retry-After: 5, and a random part of it
        first.close();
    });

    test('delays grow, are a random part of a ceiling, and the ceiling has a bound', async (t) => {
        const gone = await startServer();
        await gone.stop();
        for (const [random, part] of [[() => 0.999, 0.999], [() => 0.5, 0.5]]) {
            const client = connect({ url: `ws://127.0.0.1:${gone.wsPort}`, WebSocket, minDelay: 2, maxDelay: 16, random });
            t.after(() => client.close());
            const delays = [];
            client.on('reconnecting', ({ delay }) => delays.push(delay));
            await until(() => delays.length === 6, 'six attempts');
            client.close();
            assert.deepEqual(delays, [2, 4, 8, 16, 16, 16].map((ceiling) => ceiling * part));
        }
    });

    test('a refusal for good is not tried again', async (t) => {
        const server = await serverForTest(t, { 'ws.host': 'good.example' });
        class Foreign extends WebSocket {
            constructor(url) {
                super(url, { origin: 'https://bad.example' });
            }
        }
        const client = connect({ url: `ws://127.0.0.1:${server.wsPort}`, WebSocket: Foreign, minDelay: 1 });
        await assert.rejects(within(client.ready(), 'the refusal'), (error) => error instanceof ServerError && error.code === 423);
        assert.equal(client.state, 'closed');
        await assert.rejects(client.count('web_x'), ServerError);
    });

    test('after close nothing happens any more', async (t) => {
        const client = await open(t);
        client.subscribe('web_closed');
        await client.count('web_closed');
        const waiting = client.count('web_closed');
        client.close();
        await assert.rejects(waiting, /closed/);
        await assert.rejects(client.publish('web_closed', 1), /closed/);
        assert.throws(() => client.subscribe('web_closed'), /closed/);
        await suite.at.untilCount('web_closed', 0);
    });

    test('too many commands without a connection are refused', async () => {
        const client = connect({ url: 'ws://127.0.0.1:1', WebSocket, maxWaiting: 2, minDelay: 60000 });
        const waiting = [client.count('web_a'), client.count('web_a')].map((promise) => promise.catch((error) => error.message));
        await assert.rejects(client.count('web_a'), /wait for a connection/);
        client.close();
        assert.deepEqual(await Promise.all(waiting), ['the client was closed', 'the client was closed']);
    });

    test('a page that throws in a callback stops nobody else', async () => {
        /* In a process of its own: the error must come to the page's own handler of last resort. */
        const page = `
            import { connect } from '${new URL('../../../client/js/encke.js', import.meta.url)}';
            import WebSocket from '${new URL('../node_modules/ws/wrapper.mjs', import.meta.url)}';
            process.on('uncaughtException', (error) => console.log(error.message));
            const [one, two] = [0, 1].map(() => connect({ url: 'ws://127.0.0.1:${suite.at.wsPort}', WebSocket }));
            one.subscribe('web_throw', () => { throw new Error('the page is wrong'); });
            one.subscribe('web_throw', ({ data }) => { console.log('heard', data); one.close(); });
            await one.ready();
            await one.count('web_throw');
            await two.publish('web_throw', 1);
            two.close();`;
        const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', page], { timeout: 10000 });
        assert.deepEqual(stdout.trim().split('\n').sort(), ['heard 1', 'the page is wrong']);
    });

    test('without an address it says what to do, and so it does without a WebSocket', { skip: 'WebSocket' in globalThis }, () => {
        assert.throws(() => connect({ WebSocket }), /say where the server is/);
        assert.throws(() => connect('ws://127.0.0.1:1'), /WebSocket: require\('ws'\)/);
    });

    test('the type declarations fit, as tsc --strict sees them', async () => {
        const here = fileURLToPath(new URL('.', import.meta.url));
        await promisify(execFile)(process.execPath, [`${here}../node_modules/typescript/bin/tsc`, '--noEmit', '--strict', '--target', 'es2022',
                                                     '--module', 'nodenext', '--lib', 'es2022,dom', `${here}types.ts`])
            .catch((error) => assert.fail(error.stdout));
    });
});
