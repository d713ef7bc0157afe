// The classic protocol, as an anonymous visitor sees it (classic-protocol.md sections 1 to 6, with its CLONE notes).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dial, frame, OPCODE, parseFrames, RawVisitor, rawVisit, upgradeRequest } from './support/raw.js';
import { serverForSuite, serverForTest } from './support/server.js';
import { newMarker, newUuid, urlPath, visit, Visitor } from './support/visitor.js';
import { DEADLINE_MS, until, within } from './support/wait.js';

const isRecent = (seconds) => Number.isInteger(seconds) && Math.abs(seconds - Date.now() / 1000) < 60;

/** A frame without its time, which must be of now. */
function timeless(sent) {
    const { message_send_time: time, ...rest } = sent;
    assert.ok(isRecent(time), `message_send_time ${time}`);
    return rest;
}

const range = (count, make) => Array.from({ length: count }, (_, i) => make(i));

describe('connecting', () => {
    const suite = serverForSuite();

    test('the first frame is serverInfo', async (t) => {
        const visitor = await visit(t, suite.at);
        const { server, ...rest } = timeless(visitor.info);
        assert.deepEqual(rest, { authorized: false, data: '', event: 'serverInfo', pipe: 'sys' });
        assert.equal(typeof server, 'string');
        assert.deepEqual(Object.keys(visitor.info), ['authorized', 'data', 'event', 'message_send_time', 'pipe', 'server'], 'sorted by name');
        assert.equal(visitor.texts.length, 1);
    });

    test('serverInfo may come in the same segment as the handshake, and the handshake is exact', async (t) => {
        const raw = await rawVisit(t, suite.at);
        const head = raw.received.subarray(0, raw.body).toString('latin1');
        assert.match(head, /^HTTP\/1\.1 101 /);
        for (const line of ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=']) {
            assert.ok(head.includes(`\r\n${line}\r\n`), `${line} in ${head}`);
        }
        assert.ok(!/sec-websocket-(protocol|extensions)/i.test(head));
    });

    for (const prefix of ['/ws/', '//ws/', '/comet-server/ws/', '//comet-server/ws/']) {
        test(`the prefix ${prefix} is accepted`, async (t) => {
            await visit(t, suite.at, { prefix });
        });
    }

    test('parameters may come in any order, be empty, undefined, or absent where they may', async (t) => {
        const uuid = newUuid();
        const cases = [
            [`/ws/uuid=${uuid}&v=4.08&devid=5&myid=&sesion=`, 5],
            [`/ws/api=js&v=4.08&session=&myid=undefined&devid=6&uuid=${uuid}`, 6],
            [`/ws/sesion=undefined&myid=undefined&devid=7&v=4.08&uuid=${uuid}&api=js`, 7],
            [`/comet-server/ws/sesion=&myid=&devid=0&v=3.24&uuid=${uuid}&api=js`, 0],
            [`/ws/sesion=&myid=0&devid=8&v=4.08&uuid=${uuid}`, 8],
            [`/ws/sesion=&myid=0&devid=abc&v=4.08&uuid=${uuid}&api=js`, 0],
            [`/ws/sesion=&myid=0&devid=100000&v=4.08&uuid=${uuid}&api=js`, 0],
            [`/ws/sesion=&myid=0&devid=99999&v=4.08&uuid=${uuid}&api=js`, 99999],
            [`/ws/sesion=&myid=0&devid=-1&v=4.08&uuid=${uuid}&api=js`, 0],
            [`/ws/sesion=&myid=99999999999999999999&devid=99999999999999999999&v=4.08&uuid=${uuid}&api=js`, 0],
        ];
        for (const [path, dev] of cases) {
            const visitor = await visit(t, suite.at, { path, uuid, dev });
            await visitor.subscribe('web_order');
            await visitor.vanish();
            await suite.at.untilCount('web_order', 0, visitor.sqlUser);
        }
    });

    test('a visitor without uuid is a visitor', async (t) => {
        const visitor = await visit(t, suite.at, { path: '/ws/sesion=&myid=0&devid=0&v=4.08&api=js', uuid: '' });
        await visitor.subscribe('web_nouuid');
        assert.deepEqual(await suite.at.memberUuids('web_nouuid'), ['']);
    });

    test('a uuid is 32 characters of its alphabet', async (t) => {
        const given = 'ABCdef-_0123456789ABCDEFGHIJKLMNOPQRSTUV';
        const visitor = await visit(t, suite.at, { path: urlPath({ uuid: given }), uuid: given.slice(0, 32) });
        await visitor.subscribe('web_uuid');
        const other = await visit(t, suite.at, { path: urlPath({ uuid: 'a.b!c~d' }), uuid: 'abcd' });
        await other.subscribe('web_uuid');
    });

    test('a user id without a valid key is a visitor without a name', async (t) => {
        for (const session of ['', 'wrong', 'eyJhbGciOiJub25lIn0.e30.', 'x'.repeat(1000)]) {
            const visitor = await visit(t, suite.at, { user: 5, session });
            assert.equal(visitor.info.authorized, false);
            assert.equal(visitor.info.data, '');
            await visitor.subscribe('web_named');
            const rows = await suite.at.query("SELECT user_id FROM users_in_pipes WHERE name = 'web_named'");
            assert.deepEqual(rows.map((row) => row.user_id), ['0']);
            await visitor.vanish();
            await suite.at.untilCount('web_named', 0);
        }
    });

    const refused = [
        ['/ws/', 401], ['/ws/nothing', 401], ['/ws/sesion=', 401], ['/ws/sesion=&myid=0', 406], ['/ws/sesion=&myid=0&devid=0', 418],
        ['/ws/sesion=&myid=0&devid=0&v=4&uuid=x', 418], ['/ws/sesion=&myid=0&devid=0&v=&uuid=x', 418], ['/ws/sesion=&myid=0&devid=0&v=a.b&uuid=x', 418],
        [`/ws/sesion=${'x'.repeat(1025)}&myid=0&devid=0&v=4.08&uuid=x`, 401],
    ];
    const TEXTS = {
        401: /^Error code 401\(Invalid request, .*(session ID not found|the user ID can not be found).*\)$/,
        406: /^Error code 406\(Invalid request, no public key found \[1\]\)$/,
        418: /^Error code 418\(Invalid request Not assigned client api version\)\n?$/,
    };
    for (const [path, code] of refused) {
        test(`${path.slice(0, 60)} is refused with ${code} in a frame, and the connection ends without a Close frame`, async (t) => {
            const raw = await dial(t, suite.at.wsPort);
            await raw.write(upgradeRequest(path));
            await raw.untilEnd();
            const body = raw.received.subarray(raw.received.indexOf('\r\n\r\n') + 4);
            assert.match(raw.text(), /^HTTP\/1\.1 101 /);
            const { frames, rest } = parseFrames(body);
            assert.equal(rest.length, 0);
            assert.deepEqual(frames.map((f) => f.opcode), [OPCODE.text]);
            const error = JSON.parse(frames[0].payload);
            const data = typeof error.data === 'string' ? JSON.parse(error.data) : error.data;
            assert.equal(data.error_code, code);
            assert.match(data.error, TEXTS[code]);
            assert.equal(data.info, 'Closed due to error. See last message.');
            assert.equal(error.error, code, 'understood by the library as final');
            assert.deepEqual([error.event, error.pipe], ['error', 'sys']);
            assert.ok(isRecent(error.message_send_time));
        });
    }

    test('a subprotocol is answered only when chat was offered', async (t) => {
        const visitor = new Visitor(suite.at, { protocols: ['chat'] });
        t.after(() => visitor.socket.terminate());
        await visitor.open();
        assert.equal(visitor.socket.protocol, 'chat');
        const raw = await rawVisit(t, suite.at, { headers: ['Sec-WebSocket-Protocol: mqtt, graphql-ws'] });
        assert.ok(!/sec-websocket-protocol/i.test(raw.text()));
        const several = await rawVisit(t, suite.at, { headers: ['sec-websocket-protocol:mqtt,chat'] });
        assert.match(several.text(), /\r\nSec-WebSocket-Protocol: chat\r\n/);
    });

    test('empty and very long headers do no harm', async (t) => {
        const headers = ['User-Agent:', 'Origin:', `Accept-Language: ${'x'.repeat(500)}`];
        const raw = await rawVisit(t, suite.at, { headers });
        await raw.command('subscription', 'web_headers');
        await suite.at.untilCount('web_headers', 1);
        const [row] = await suite.at.query("SELECT user_agent, origin, language FROM users_in_pipes WHERE name = 'web_headers'");
        assert.deepEqual({ ...row }, { user_agent: '', origin: '', language: 'x'.repeat(64) });
    });
});

describe('the list of allowed origins', () => {
    const suite = serverForSuite({ 'ws.host': 'example.org,.example.net' });

    for (const origin of ['http://example.org', 'https://example.org', 'https://example.org:8443', 'https://shop.example.net', undefined]) {
        test(`${origin ?? 'no Origin at all'} is let in`, async (t) => {
            await visit(t, suite.at, { headers: origin ? { Origin: origin } : {} });
        });
    }
    for (const origin of ['http://example.com', 'http://example.org.evil.com', 'http://notexample.org', 'https://evilexample.net', 'null']) {
        test(`${origin} is refused with 423`, async (t) => {
            const visitor = new Visitor(suite.at, { headers: { Origin: origin } });
            t.after(() => visitor.socket.terminate());
            const error = await visitor.refusal();
            assert.equal(error.error, 423);
            assert.equal(error.data.error_code, 423);
            assert.match(error.data.error, /^Error code 423\(/);
            await within(visitor.ended, 'the end');
        });
    }
});

describe('subscription', () => {
    const suite = serverForSuite();

    test('it is not acknowledged, and messages of its channels come in full', async (t) => {
        const visitor = await visit(t, suite.at);
        await visitor.subscribe('web_sub', 'other');
        await suite.at.publish('web_sub', 'evq', 'text message');
        assert.deepEqual(timeless(await visitor.next()), { data: 'text message', event: 'evq', pipe: 'web_sub' });
        await suite.at.publish('other', '', '{"a":1}');
        assert.deepEqual(timeless(await visitor.next()), { data: '{"a":1}', event: '', pipe: 'other' });
    });

    test('it replaces the whole list', async (t) => {
        const visitor = await visit(t, suite.at);
        await visitor.subscribe('web_one', 'web_two');
        await visitor.subscribe('web_two', 'web_three');
        await suite.at.untilCount('web_one', 0);
        assert.equal(await suite.at.count('web_two'), 1);
        assert.equal(await suite.at.count('web_three'), 1);
        visitor.send('subscription', '');
        for (const name of ['web_two', 'web_three']) {
            await suite.at.untilCount(name, 0);
        }
        await visitor.subscribe('web_one');
        visitor.socket.send('subscription');
        await suite.at.untilCount('web_one', 0);
        assert.deepEqual(visitor.takeAll(), []);
    });

    test('what it drops does not depend on the order, nor on what means nothing', async (t) => {
        const visitor = await visit(t, suite.at);
        const names = Array.from({ length: 120 }, (_, i) => `web_order_${(i * 7) % 120}`);
        await visitor.subscribe(...names);
        const stay = names.filter((_, i) => i % 3 === 0), go = names.filter((_, i) => i % 3 !== 0);
        visitor.send('subscription', ...'abcdefgh'.repeat(100), ...[...stay].reverse(), ' ; ', 'x', stay[0], stay[0]);
        await suite.at.untilCount(go.at(-1), 0);
        for (const name of names) {
            assert.equal(await suite.at.count(name), stay.includes(name) ? 1 : 0, name);
        }
        assert.deepEqual(visitor.takeAll(), []);
    });

    test('the count that follows in the same read includes the subscriber', async (t) => {
        const visitor = await visit(t, suite.at);
        visitor.send('subscription', 'web_counted');
        assert.equal(await visitor.count('web_counted'), 1);
    });

    test('a channel that stays in the list gives no track_ events', async (t) => {
        const watcher = await visit(t, suite.at);
        await watcher.subscribe('track_diff');
        const guest = await visit(t, suite.at);
        await guest.subscribe('track_diff', 'web_a');
        const joined = await watcher.on('track_diff');
        assert.deepEqual(timeless(joined), { data: { user_id: 0, uuid: guest.uuid }, event: 'subscription', pipe: 'track_diff' });

        await guest.subscribe('track_diff', 'web_a', 'web_b');
        await guest.subscribe('web_c', 'track_diff');
        await guest.subscribe('track_diff');
        await suite.at.publish('track_diff', 'e', 'fence');
        assert.equal((await watcher.on('track_diff')).data, 'fence', 'nothing came between');

        await guest.subscribe('web_c');
        assert.deepEqual(timeless(await watcher.on('track_diff')),
                         { data: { user_id: 0, uuid: guest.uuid }, event: 'unsubscription', pipe: 'track_diff' });
        await guest.fence();
        assert.deepEqual(guest.takeAll().map((sent) => sent.data), ['fence'], 'one never sees one’s own coming and going');
    });

    test('a name given twice is one subscription', async (t) => {
        const visitor = await visit(t, suite.at);
        await visitor.subscribe('web_twice', 'web_twice', 'web_twice');
        assert.equal(await visitor.count('web_twice'), 1);
        await suite.at.publish('web_twice', 'e', '1');
        await suite.at.publish('web_twice', 'e', '2');
        assert.equal((await visitor.on('web_twice')).data, '1');
        assert.equal((await visitor.on('web_twice')).data, '2');
        await visitor.subscribe('web_other');
        await suite.at.untilCount('web_twice', 0);
    });

    test('a forbidden name is skipped, and only it', async (t) => {
        const visitor = await visit(t, suite.at);
        visitor.send('subscription', 'web_before2', 'private_room', 'x', 'web_after2');
        await suite.at.untilCount('web_before2', 1);
        await suite.at.untilCount('web_after2', 1);
        assert.equal(await suite.at.count('private_room'), 0);
        await visitor.fence();
        assert.ok(!visitor.closed);
    });

    test('a name over 64 characters is an error, the others stand, and the connection stays', async (t) => {
        const visitor = await visit(t, suite.at);
        const name64 = `web_${'x'.repeat(60)}`;
        visitor.send('subscription', name64, `${name64}y`, 'web_rest');
        assert.deepEqual(timeless(await visitor.refusal()).data.error, 'Channel name is too long');
        await suite.at.untilCount(name64, 1);
        await suite.at.untilCount('web_rest', 1);
        await visitor.fence();
    });

    test('two characters are enough', async (t) => {
        const visitor = await visit(t, suite.at);
        visitor.send('subscription', 'ab', 'web_ab');
        await suite.at.untilCount('web_ab', 1);
        await visitor.fence();
        assert.deepEqual(visitor.takeAll(), []);
    });

    test('a list may be long', async (t) => {
        const visitor = await visit(t, suite.at);
        const names = range(100, (i) => `web_${String(i).padStart(3, '0')}_${'l'.repeat(50)}`);
        visitor.send('subscription', ...names);
        const rows = await until(async () => {
            const counts = await suite.at.query(`SELECT users FROM pipes WHERE name IN (${names.map((name) => `'${name}'`).join(',')})`);
            return counts.every((row) => row.users === '1') && counts;
        }, 'all to be subscribed');
        assert.equal(rows.length, 100);
        assert.deepEqual(visitor.takeAll(), []);
        await suite.at.publish(names[99], 'e', 'm');
        assert.equal((await visitor.next()).pipe, names[99]);
    });

    test('a visitor who is gone is gone from every channel', async (t) => {
        const watcher = await visit(t, suite.at);
        await watcher.subscribe('track_gone');
        const guest = await visit(t, suite.at);
        await guest.subscribe('track_gone', 'web_gone');
        assert.equal((await watcher.on('track_gone')).event, 'subscription');
        await guest.vanish();
        assert.deepEqual(timeless(await watcher.on('track_gone')),
                         { data: { user_id: 0, uuid: guest.uuid }, event: 'unsubscription', pipe: 'track_gone' });
        await suite.at.untilCount('web_gone', 0);
        assert.deepEqual(await suite.at.memberUuids('track_gone'), [watcher.uuid]);
    });
});

describe('the bound of a list', () => {
    const suite = serverForSuite({ 'ws.max_subscriptions': 40 });

    test('names over it are an error, the first stay, and the connection stays', async (t) => {
        const visitor = await visit(t, suite.at);
        const names = range(41, (i) => `web_${i}`);
        visitor.send('subscription', ...names);
        assert.deepEqual(timeless(await visitor.refusal()), { data: { code: '403', error: 'Too many letters' }, event: 'error', pipe: 'sys' });
        await suite.at.untilCount('web_39', 1);
        assert.equal(await suite.at.count('web_40'), 0);
        await visitor.fence();
        assert.deepEqual(visitor.takeAll(), [], 'one error for one list');
        visitor.send('subscription', ...range(40, (i) => `other_${i}`));
        await suite.at.untilCount('other_39', 1);
        await suite.at.untilCount('web_0', 0);
        await visitor.fence();
        assert.deepEqual(visitor.takeAll(), [], 'a full list can be exchanged for another');
    });
});

describe('web_pipe2', () => {
    const suite = serverForSuite();

    test('it reaches all subscribers but the sending connection, and the sender gets a report', async (t) => {
        const [sender, other, second] = await Promise.all([visit(t, suite.at), visit(t, suite.at), visit(t, suite.at)]);
        const sameBrowser = await visit(t, suite.at, { uuid: sender.uuid });
        for (const visitor of [sender, other, second]) {
            await visitor.subscribe('web_pipe');
        }
        sameBrowser.send('subscription', 'web_pipe');
        await suite.at.untilCount('web_pipe', 4);

        sender.publish('web_pipe', 'ev', '{"t":"x"}');
        for (const visitor of [other, second, sameBrowser]) {
            assert.deepEqual(timeless(await visitor.on('web_pipe')), { data: '{"t":"x"}', event: 'ev', pipe: 'web_pipe', user_id: 0 });
        }
        assert.deepEqual(timeless(await sender.report('web_pipe')),
                         { data: { message: '{"t":"x"}', number_messages: 3 }, event: 'answer', pipe: '_answer_to_web_pipe' });
        await suite.at.publish('web_pipe', 'e', 'fence');
        assert.equal((await sender.on('web_pipe')).data, 'fence');
    });

    test('the sender need not be subscribed, and nobody need listen', async (t) => {
        const sender = await visit(t, suite.at);
        sender.publish('web_nobody', 'ev', '"x"');
        assert.deepEqual((await sender.report('web_nobody')).data, { message: '"x"', number_messages: 0 });
        const listener = await visit(t, suite.at);
        await listener.subscribe('web_nobody');
        sender.publish('web_nobody', '', '"y"');
        assert.deepEqual((await sender.report('web_nobody')).data, { message: '"y"', number_messages: 1 });
        assert.equal((await listener.on('web_nobody')).event, '');
    });

    test('@web_ hides the sender and is reported under the name without @', async (t) => {
        const [sender, listener] = await Promise.all([visit(t, suite.at), visit(t, suite.at)]);
        await listener.subscribe('web_at');
        sender.publish('@web_at', 'ev', '1');
        assert.deepEqual(timeless(await listener.on('web_at')), { data: '1', event: 'ev', pipe: 'web_at', user_id: 0 });
        assert.equal((await sender.report('web_at')).data.number_messages, 1);
    });

    const WRONG_PREFIX = '[pipe_msg2] Invalid channel name. The channel should begin with web_';
    const PIPE_CHARACTERS = 'The channel name can only contain characters A-Za-z0-9_-';
    const errors = [
        ['a channel without web_', ['chat', 'e', '*', 'm'], { error: WRONG_PREFIX, number_messages: -1 }],
        ['a track_ channel', ['track_a', 'e', '*', 'm'], { error: WRONG_PREFIX, number_messages: -1 }],
        ['a private_ channel', ['private_a', 'e', '*', 'm'], { error: WRONG_PREFIX, number_messages: -1 }],
        ['@webauth_', ['@webauth_a', 'e', '*', 'm'], { error: WRONG_PREFIX, number_messages: -1 }],
        ['webauth_ without authorisation', ['webauth_a', 'e', '*', 'm'],
         { error: '[webauth_pipe_msg2] Invalid user auth. In to channel with name like webauth_* can not send messages anonim users', number_messages: -1 }],
        ['a channel with other characters', ['web_a.b', 'e', '*', 'm'], { error: PIPE_CHARACTERS, number_messages: -1 }],
        ['a channel of more than 65 characters', [`web_${'x'.repeat(70)}`, 'e', '*', 'm'], { error: 'Invalid pipe name length', number_messages: -1 }],
        ['an event with other characters', ['web_a', 'e.f', '*', 'm'], { error: 'The event name can only contain characters A-Za-z0-9_-' }],
        ['an event of more than 65 characters', ['web_a', 'x'.repeat(70), '*', 'm'], { error: 'Invalid event name length' }],
        ['a third field of two bytes', ['web_a', 'e', '**', 'm'], { error: 'Invalid value auth_type', number_messages: -1 }],
        ['an empty third field', ['web_a', 'e', '', 'm'], { error: 'Invalid value auth_type', number_messages: -1 }],
    ];
    for (const [what, fields, data] of errors) {
        test(`${what} is an error, and the connection stays`, async (t) => {
            const sender = await visit(t, suite.at);
            sender.send('web_pipe2', ...fields);
            assert.deepEqual(timeless(await sender.refusal()), { data, event: 'error', pipe: 'sys' });
            await sender.fence();
            assert.deepEqual(sender.takeAll(), []);
        });
    }

    test('a command that ends too early is an error, not a crash', async (t) => {
        const sender = await visit(t, suite.at);
        for (const text of ['web_pipe2', 'web_pipe2\n', 'web_pipe2\nweb_a', 'web_pipe2\nweb_a\n', 'web_pipe2\nweb_a\ne', 'web_pipe2\nweb_a\ne\n']) {
            sender.socket.send(text);
            await sender.refusal();
        }
        await sender.fence();
    });

    test('apps do not hear each other', async (t) => {
        const sender = await visit(t, suite.at, { dev: 1 });
        const same = await visit(t, suite.at, { dev: 1 });
        const other = await visit(t, suite.at, { dev: 2 });
        await same.subscribe('web_apps');
        await other.subscribe('web_apps');
        sender.publish('web_apps', 'e', 'one');
        assert.equal((await same.on('web_apps')).data, 'one');
        assert.equal((await sender.report('web_apps')).data.number_messages, 1);
        await suite.at.publish('web_apps', 'e', 'fence', '2');
        assert.equal((await other.on('web_apps')).data, 'fence');
        assert.equal(await other.count('web_apps'), 1);
    });

    const texts = ['', ' ', '"it\'s"', "\\'", "a\\'b\\\\'c'", '"', '\\', '{"a":"\\u0416","b":[1,2,null]}', 'line\nbreak\r\n\ttab', '\b\f\u0001\u001f\u007f',
                   'привет 😀 \u2028\u2029 </script>', '\n', '\n\n*\n', '*', "'", "\\\\'", 'A::x;y'];
    for (const text of texts) {
        test(`the text ${JSON.stringify(text)} arrives as it was sent`, async (t) => {
            const [sender, listener] = await Promise.all([visit(t, suite.at), visit(t, suite.at)]);
            await listener.subscribe('web_texts');
            sender.publish('web_texts', 'e', text);
            assert.equal((await listener.on('web_texts')).data, text);
            assert.equal((await sender.report('web_texts')).data.message, text);
            for (const line of [listener.texts.at(-1), sender.texts.at(-1)]) {
                assert.ok(!line.includes("\\'"), 'no backslash before an apostrophe: the library would break it');
                assert.ok(!/[\n\r]/.test(line), 'one line');
                assert.deepEqual(JSON.parse(line.replaceAll("\\'", "'")), JSON.parse(line));
            }
        });
    }

    test('the JSON is sorted, without blanks, and escapes what it must', async (t) => {
        const listener = await visit(t, suite.at);
        await listener.subscribe('web_json');
        const sender = await visit(t, suite.at);
        sender.publish('web_json', 'e', '"\\/\b\f\n\r\t\u0001\u001f\u007f\u2028é😀');
        const { message_send_time: time } = await listener.on('web_json');
        assert.equal(listener.texts.at(-1), `{"data":"\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u007f\u2028é😀","event":"e","message_send_time":${time},"pipe":"web_json","user_id":0}`);
    });
});

describe('sizes', () => {
    const suite = serverForSuite();

    test('payloads around the limits of the length forms arrive whole', async (t) => {
        const listener = await rawVisit(t, suite.at);
        await listener.command('subscription', 'web_size');
        const sender = await visit(t, suite.at);
        await suite.at.untilCount('web_size', 1);
        const receive = async () => (await listener.nextFrame()).payload;

        await suite.at.publish('web_size', 'e', '');
        const overhead = (await receive()).length;
        for (const size of [...range(13, (i) => 119 + i), 65534, 65535, 65536, 65537, 200_000]) {
            const text = 'abcdefghij'.repeat(Math.ceil(size / 10)).slice(0, size - overhead);
            await suite.at.publish('web_size', 'e', text);
            const payload = await receive();
            assert.equal(payload.length, size);
            assert.equal(JSON.parse(payload).data, text);

            sender.publish('web_size', 'e', text);
            assert.equal(JSON.parse(await receive()).data, text);
            assert.equal((await sender.report('web_size')).data.message, text);
        }
    });

    test('many commands in one segment are all processed, in order', async (t) => {
        const [listener, sender] = await Promise.all([rawVisit(t, suite.at), rawVisit(t, suite.at)]);
        await listener.command('subscription', 'web_burst');
        await suite.at.untilCount('web_burst', 1);
        const text = 'z'.repeat(5000);
        await sender.write(Buffer.concat(range(60, (i) => frame(`web_pipe2\nweb_burst\ne${i}\n*\n${text}`))));
        for (let i = 0; i < 60; i++) {
            assert.equal((await listener.nextText()).event, `e${i}`);
        }
        for (let i = 0; i < 60; i++) {
            assert.equal((await sender.nextText()).data.number_messages, 1);
        }
    });
});

describe('questions', () => {
    const suite = serverForSuite();

    test('pipe_count answers an object with the marker', async (t) => {
        const visitor = await visit(t, suite.at);
        await visitor.subscribe('web_many', 'track_many');
        for (const [name, marker, tail] of [['web_many', 'MARK1', ''], ['track_many', 'MARK2', ''], ['web_many', '0.1234567', ''], ['web_many', 'm', null]]) {
            visitor.send('pipe_count', name, marker, ...(tail === null ? [] : [tail]));
            assert.deepEqual(timeless(await visitor.next((sent) => sent.marker === marker)),
                             { data: { user_in_pipe: 1 }, event: 'user_in_pipe', marker, pipe: '_answer_pipe_count' });
        }
        assert.equal(await visitor.count('web_empty'), 0);
    });

    test('questions are answered in their order, also between publications', async (t) => {
        const server = await serverForTest(t, { 'main.shards': 3 });
        const visitor = await visit(t, server);
        await server.query("INSERT INTO pipes_settings (name, length) VALUES ('web_q_log', 10)");
        for (let round = 0; round < 20; round++) {
            const markers = Array.from({ length: 10 }, (_, i) => `r${round}m${i}`);
            for (const [i, marker] of markers.entries()) {
                visitor.send('web_pipe2', i === 5 ? 'web_q_log' : `web_q${i}`, 'e', '*', `"${marker}"`);
                if (i === 7) {
                    visitor.send('pipe_log', 'web_q_log', 'x', '');
                }
                visitor.send('pipe_count', `web_other${i}`, marker, '');
            }
            const seen = [];
            while (seen.length < markers.length) {
                seen.push((await visitor.on('_answer_pipe_count')).marker);
            }
            assert.deepEqual(seen, markers);
            const texts = visitor.texts.splice(0);
            const place = (part) => texts.findIndex((text) => text.includes(part));
            const log = texts.map((text, i) => [JSON.parse(text), i]).filter(([frame]) => frame.fromQueue).map(([, i]) => i);
            assert.equal(log.length, Math.min(round + 1, 10));
            assert.ok(log.every((i) => i > place(`"marker":"${markers[6]}"`) && i < place(`"marker":"${markers[7]}"`)), 'the history in its place');
        }
    });

    test('a marker is echoed verbatim, whatever it holds', async (t) => {
        const visitor = await visit(t, suite.at);
        for (const marker of ['12.34', '"quoted"', "it's", 'a\\b', '<>&', 'x'.repeat(64)]) {
            visitor.send('pipe_count', 'web_marker', marker, '');
            assert.equal((await visitor.on('_answer_pipe_count')).marker, marker);
        }
    });

    test('pipe_count is for web_ and track_ only', async (t) => {
        const visitor = await visit(t, suite.at);
        for (const name of ['chat', 'webauth_a', 'private_a', 'user_status_1']) {
            visitor.send('pipe_count', name, 'm', '');
            assert.deepEqual(timeless(await visitor.refusal()),
                             { data: { error: '[pipe_count] Invalid channel name. The channel should start with web_', number_messages: -1 },
                               event: 'error', pipe: 'sys' });
        }
        visitor.send('pipe_count', 'web_a.b', 'm', '');
        assert.match((await visitor.refusal()).data.error, /The channel name can only contain characters|Invalid pipe name/);
        await visitor.fence();
    });

    test('track_pipe_users lists everybody, the asker too', async (t) => {
        const [one, two] = await Promise.all([visit(t, suite.at), visit(t, suite.at)]);
        await one.subscribe('track_users');
        await two.subscribe('track_users');
        one.send('track_pipe_users', 'track_users', 'MK2');
        const answer = timeless(await one.next((sent) => sent.marker === 'MK2'));
        assert.deepEqual({ ...answer, data: undefined },
                         { _info: 'answer for track_pipe_users', data: undefined, event: 'answer', marker: 'MK2', pipe: '_answer' });
        assert.deepEqual(answer.data.map((user) => user.uuid).sort(), [one.uuid, two.uuid].sort());
        assert.ok(answer.data.every((user) => user.user_id === 0 && Object.keys(user).length === 2));

        const stranger = await visit(t, suite.at);
        stranger.send('track_pipe_users', 'track_empty', 'MK3', '');
        assert.deepEqual((await stranger.next((sent) => sent.marker === 'MK3')).data, []);
        stranger.send('track_pipe_users', 'web_a', 'MK4');
        assert.deepEqual(timeless(await stranger.refusal()),
                         { data: { error: '[track_pipe_users] Invalid channel name. The channel should start with track_', user_id: -1 },
                           event: 'error', pipe: 'sys' });
    });

    test('user_data of somebody who has none', async (t) => {
        const visitor = await visit(t, suite.at);
        visitor.send('user_data', 'MM', '77');
        assert.deepEqual(timeless(await visitor.next((sent) => sent.marker === 'MM')),
                         { data: { user_data: '', user_id: 77 }, event: 'answer', marker: 'MM', pipe: '_answer' });
        visitor.send('user_data', 'MM', 'nobody');
        assert.deepEqual((await visitor.refusal()).data, { error: 'Invalid user id', user_data: '', user_id: -1 });
        await visitor.fence();
    });

    test('user_status of somebody who is not known', async (t) => {
        const visitor = await visit(t, suite.at);
        visitor.send('user_status', '5');
        assert.deepEqual(timeless(await visitor.on('_answer_user_status')),
                         { data: { data: -1, last_online_time: -1 }, event: 'user_status_5', pipe: '_answer_user_status' });
    });

    test('commands without an answer get none, and the connection stays', async (t) => {
        const visitor = await visit(t, suite.at);
        visitor.send('statistics', '{"url":"http://localhost/","dev_id":"0","version":"4.08"}');
        visitor.send('cgi_call', 'anything');
        visitor.send('CometQL_call', 'MM', 'eyJhbGciOiJub25lIn0.e30.');
        await visitor.fence();
        assert.deepEqual(visitor.takeAll(), []);
    });

    test('half a question is answered with an error, not with somebody else’s bytes', async (t) => {
        const visitor = await visit(t, suite.at);
        for (const text of ['pipe_count', 'pipe_count\n', 'track_pipe_users', 'track_pipe_users\n', 'user_data', 'user_data\nm',
                            'pipe_log', 'pipe_log\n', 'user_status', 'user_status\n']) {
            visitor.socket.send(text);
        }
        await visitor.fence();
        assert.ok(!visitor.closed);
    });
});

describe('pipe_log', () => {
    const suite = serverForSuite();
    const keep = (name, length) => suite.at.query(`INSERT INTO pipes_settings (name, length) VALUES ('${name}', ${length})`);

    test('the history comes oldest first, one frame each, flagged, without marker', async (t) => {
        await keep('web_log', 3);
        const sender = await visit(t, suite.at);
        await suite.at.publish('web_log', 'e', 'p0');
        for (const [event, text] of [['e1', '"w1"'], ['', "it's \\' \n"], ['e3', 'p3']]) {
            sender.publish('web_log', event, text);
            await sender.report('web_log');
        }
        const asker = await visit(t, suite.at);
        asker.send('pipe_log', 'web_log', '0.12345', '');
        const shape = { fromQueue: true, history: true, pipe: 'web_log', user_id: 0 };
        assert.deepEqual(timeless(await asker.next()), { data: '"w1"', event: 'e1', ...shape });
        assert.deepEqual(timeless(await asker.next()), { data: "it's \\' \n", event: 'undefined', ...shape });
        assert.deepEqual(timeless(await asker.next()), { data: 'p3', event: 'e3', ...shape });
        await asker.fence();
        assert.deepEqual(asker.takeAll(), []);
        assert.ok(asker.texts.every((text) => !text.includes("\\'")));
    });

    test('a subscriber asks for himself only', async (t) => {
        await keep('web_mine', 5);
        await suite.at.publish('web_mine', 'e', 'old');
        const [asker, other] = await Promise.all([visit(t, suite.at), visit(t, suite.at)]);
        await asker.subscribe('web_mine');
        await other.subscribe('web_mine');
        asker.send('pipe_log', 'web_mine', 'm', '');
        assert.equal((await asker.on('web_mine')).data, 'old');
        await suite.at.publish('web_mine', 'e', 'new');
        assert.equal((await other.on('web_mine')).data, 'new');
        assert.ok(!('history' in (await asker.on('web_mine'))));
    });

    test('a history far larger than what may wait for a connection arrives whole, also at a slow reader', async (t) => {
        const server = await serverForTest(t, { 'ws.max_queue': '256K' });
        const visitor = await visit(t, server);
        await server.query("INSERT INTO pipes_settings (name, length) VALUES ('web_huge', 1000)");
        const filler = 'x'.repeat(9000);
        const rows = (from) => Array.from({ length: 50 }, (_, i) => `('web_huge', 'e', '${from + i}:${filler}')`).join(',');
        for (let from = 0; from < 1000; from += 50) {
            await server.query(`INSERT INTO pipes_messages (name, event, message) VALUES ${rows(from)}`);
        }
        visitor.socket.pause();
        visitor.send('pipe_log', 'web_huge', 'm', '');
        visitor.send('pipe_count', 'web_huge', 'end', '');
        await until(async () => Number((await server.query('SHOW GLOBAL STATUS')).find((row) => row.Variable_name === 'queued_bytes').Value) > 0,
                    'the socket to be full');
        visitor.socket.resume();
        assert.equal((await visitor.next((frame) => frame.marker === 'end', 'the answer behind the history')).data.user_in_pipe, 0);
        assert.deepEqual(visitor.inbox.map((frame) => Number(frame.data.split(':')[0])), Array.from({ length: 1000 }, (_, i) => i));
    });

    test('a client that needs longer for a history than ws.idle is not taken for dead', async (t) => {
        const server = await serverForTest(t, { 'ws.idle': '600ms', 'ws.ping': '200ms' });
        await server.query("INSERT INTO pipes_settings (name, length) VALUES ('web_long', 1000)");
        const rows = Array.from({ length: 10 }, () => `('web_long', 'e', '${'x'.repeat(40000)}')`).join(',');
        for (let i = 0; i < 100; i++) {
            await server.query(`INSERT INTO pipes_messages (name, event, message) VALUES ${rows}`);
        }
        const raw = await rawVisit(t, server);
        const socket = raw.socket;
        socket.removeAllListeners('data');
        socket.pause();
        raw.write(frame('pipe_log\nweb_long\nm\n'));
        raw.write(frame('pipe_count\nweb_long\nthe-end\n'));
        const began = Date.now();
        let tail = '';
        await within((async () => { /* as slow as a phone: a piece, then a while nothing */
            while (!tail.includes('the-end')) {
                const piece = socket.read(Math.min(512 * 1024, socket.readableLength)) ?? Buffer.alloc(0);
                tail = (tail + piece.toString('latin1')).slice(-400);
                assert.ok(!socket.readableEnded && !socket.destroyed, `cut after ${Date.now() - began} ms`);
                await new Promise((resolve) => setTimeout(resolve, 20));
            }
        })(), 'the end of the history', DEADLINE_MS * 3);
    });

    test('an empty history gives no frame, and subscribing replays nothing', async (t) => {
        await keep('web_replay', 5);
        await suite.at.publish('web_replay', 'e', 'old');
        const visitor = await visit(t, suite.at);
        await visitor.subscribe('web_replay', 'web_unkept');
        visitor.send('pipe_log', 'web_unkept', 'm', '');
        await visitor.fence();
        assert.deepEqual(visitor.takeAll(), []);
    });

    test('the newest come when there are more than one answer holds', async (t) => {
        await keep('web_deep', 200);
        await Promise.all(range(210, (i) => suite.at.publish('web_deep', 'e', `m${i}`)));
        const visitor = await visit(t, suite.at);
        visitor.send('pipe_log', 'web_deep', 'm', '');
        await visitor.next((sent) => sent.data === 'm209', 'the newest');
        await visitor.fence();
        const got = visitor.texts.map((text) => JSON.parse(text)).filter((sent) => sent.pipe === 'web_deep').map((sent) => sent.data);
        assert.ok(got.length >= 99 && got.length <= 200, `${got.length} frames`);
        assert.deepEqual(got, range(got.length, (i) => `m${210 - got.length + i}`));
    });

    test('the history of a private_ channel is not for anonymous visitors', async (t) => {
        await keep('private_log', 5);
        await suite.at.publish('private_log', 'e', 'secret');
        const visitor = await visit(t, suite.at);
        visitor.send('pipe_log', 'private_log', 'm', '');
        await visitor.fence();
        assert.ok(visitor.texts.every((text) => !text.includes('secret')));
    });

    test('a wrong name is an error', async (t) => {
        const visitor = await visit(t, suite.at);
        visitor.send('pipe_log', 'web a!', 'm', '');
        assert.match((await visitor.refusal()).data.error, /The channel name can only contain characters|Invalid channel name/);
        await visitor.fence();
    });
});

describe('old libraries (version below 4)', () => {
    const suite = serverForSuite();

    test('frames carry event_name and api_data, and data that is no text becomes text', async (t) => {
        const old = await visit(t, suite.at, { version: '3.24' });
        assert.equal(old.info.api_data, 'for major_version < 4');
        assert.equal(old.info.event_name, 'serverInfo');
        await old.subscribe('track_old', 'web_old');
        const fresh = await visit(t, suite.at);
        await fresh.subscribe('track_old', 'web_old');
        assert.deepEqual(timeless(await old.on('track_old')), {
            api_data: 'for major_version < 4', data: `{"user_id":0,"uuid":"${fresh.uuid}"}`, event: 'subscription', event_name: 'subscription',
            pipe: 'track_old' });

        await suite.at.publish('web_old', 'e', 'both');
        assert.deepEqual(timeless(await old.on('web_old')),
                         { api_data: 'for major_version < 4', data: 'both', event: 'e', event_name: 'e', pipe: 'web_old' });
        assert.deepEqual(timeless(await fresh.on('web_old')), { data: 'both', event: 'e', pipe: 'web_old' });

        old.send('pipe_count', 'web_old', 'mm', '');
        const answer = await old.next((sent) => sent.marker === 'mm');
        assert.equal(answer.data, '{"user_in_pipe":2}');
        old.publish('web_old', 'e', 'x');
        assert.equal((await old.report('web_old')).data, '{"message":"x","number_messages":1}');
        old.publish('chat', 'e', 'x');
        assert.equal(typeof (await old.refusal()).data, 'string');
    });
});

describe('ending', () => {
    const suite = serverForSuite();

    for (const text of ['hello', 'web_pipe\nweb_a\nm', 'jwt\nx', 'unsubscription\nweb_a', ' subscription', '']) {
        test(`the unknown command ${JSON.stringify(text)} ends the connection without a frame`, async (t) => {
            const raw = await rawVisit(t, suite.at);
            const before = raw.received.length;
            await raw.write(frame(text));
            await raw.untilEnd();
            assert.equal(raw.received.length, before);
        });
    }

    for (const [what, payload] of [['empty', Buffer.alloc(0)], ['1000', Buffer.from([0x03, 0xe8])], ['1001 with a reason', Buffer.from([0x03, 0xe9, 0x62, 0x79, 0x65])]]) {
        test(`a Close frame (${what}) is answered with the end of the TCP connection alone`, async (t) => {
            const raw = await rawVisit(t, suite.at);
            const before = raw.received.length;
            await raw.write(frame(payload, { opcode: OPCODE.close }));
            await raw.untilEnd();
            assert.equal(raw.received.length, before);
        });
    }

    test('a browser sees an unclean end, so that the library reconnects', async (t) => {
        const visitor = await visit(t, suite.at);
        visitor.socket.close();
        assert.equal(await within(visitor.ended, 'the end'), 1006);
    });

    test('binary frames are treated like text', async (t) => {
        const raw = await rawVisit(t, suite.at);
        await raw.write(frame('pipe_count\nweb_bin\nB\n', { opcode: OPCODE.binary }));
        assert.equal((await raw.nextText()).marker, 'B');
        await raw.alive();
    });

    test('visitors who come in one write with their first command are served', async (t) => {
        const raw = new RawVisitor(suite.at);
        t.after(() => raw.destroy());
        await raw.connected;
        const marker = newMarker();
        await raw.write(Buffer.concat([Buffer.from(upgradeRequest(raw.path)), frame('subscription\nweb_early'), frame(`pipe_count\nweb_early\n${marker}\n`)]));
        await raw.opened();
        assert.deepEqual((await raw.nextText()).data, { user_in_pipe: 1 });
    });
});
