// client/js against recorded frames, without a server: what a race or an older server does cannot be asked of a running one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connect, ServerError } from '../../../client/js/encke.js';
import '../../../client/js/comet.js';
import { until, within } from '../support/wait.js';

const GREETING = { authorized: false, data: '', event: 'serverInfo', message_send_time: 1795393792, pipe: 'sys', server: 'CppComet community 4.09 (AGPL license)' };

/** A client whose socket is in the hands of the test. */
function scripted(t, options = {}) {
    const sockets = [];
    class Socket {
        constructor(url) {
            this.url = url;
            this.sent = [];
            sockets.push(this);
        }
        send(text) {
            this.sent.push(text);
        }
        close() {}
        say(...frames) {
            this.onmessage({ data: frames.map((frame) => JSON.stringify(frame)).join('\n') });
        }
    }
    const client = connect({ url: 'ws://here', WebSocket: Socket, minDelay: 1, ...options });
    t.after(() => client.close());
    return { client, sockets, socket: sockets[0], Socket };
}

function greeted(t, options) {
    const made = scripted(t, options);
    made.socket.say(GREETING);
    return made;
}

const refusal = (error) => ({ data: { error, number_messages: -1 }, event: 'error', message_send_time: 1, pipe: 'sys' });
const report = (channel, reached) => ({ data: { message: '1', number_messages: reached }, event: 'answer', message_send_time: 1, pipe: `_answer_to_${channel}` });
const answer = (sent, data, pipe = '_answer') => ({ data, event: 'answer', marker: sent.split('\n')[sent.startsWith('user_data') ? 1 : 2], message_send_time: 1, pipe });
const remembered = (pipe, data) => ({ data, event: 'e', fromQueue: true, message_send_time: 1795394177, pipe, user_id: 0 });

const NOT_ANONYMOUS = '[webauth_pipe_msg2] Invalid user auth. In to channel with name like webauth_* can not send messages anonim users';

describe("Encke's client and recorded frames", () => {
    test('its path is what a server of the classic protocol reads by position', (t) => {
        const { socket } = scripted(t, { app: 7, userId: 3, session: 'abc', uuid: 'U'.repeat(32) });
        assert.equal(socket.url, `ws://here/ws/sesion=abc&myid=3&devid=7&v=4.09&uuid=${'U'.repeat(32)}&api=encke`);
    });

    test('an option that is there but undefined is the default', (t) => {
        const { client, socket } = scripted(t, { minDelay: undefined, session: undefined, random: () => 0.5 });
        const delays = [];
        client.on('reconnecting', ({ delay }) => delays.push(delay));
        socket.onclose();
        assert.match(socket.url, /sesion=&myid=&/);
        assert.deepEqual(delays, [250]);
    });

    test('a session that would end the path early is refused', () => {
        for (const session of ['a&myid=1', 'a b', 'a#b', 'a\nb']) {
            assert.throws(() => connect({ url: 'ws://here', WebSocket: class {}, session }), /session/);
        }
    });

    test('nothing is sent before the greeting, then the list, then what waited, in order', async (t) => {
        const { client, socket } = scripted(t);
        client.subscribe('web_a');
        client.publish('web_a', { n: 1 }, { event: 'ev' }).catch(() => {});
        client.subscribe('track_b');
        await Promise.resolve();
        assert.deepEqual(socket.sent, []);
        socket.say(GREETING);
        assert.deepEqual(socket.sent, ['subscription\nweb_a\ntrack_b', 'web_pipe2\nweb_a\nev\n*\n{"n":1}']);
    });

    test('subscriptions of one go of the page are one command, sent before a question that follows them', (t) => {
        const { client, socket } = greeted(t);
        client.subscribe('web_a');
        client.subscribe('web_b');
        client.count('web_a').catch(() => {});
        assert.deepEqual(socket.sent.map((text) => text.split('\n')[0]), ['subscription', 'pipe_count']);
        assert.equal(socket.sent[0], 'subscription\nweb_a\nweb_b');
    });

    test('reports of several channels find their publications in whatever order the channels answer', async (t) => {
        const { client, socket } = greeted(t);
        const reports = Promise.all([client.publish('web_a', 1), client.publish('web_b', 1), client.publish('web_a', 2)]);
        socket.say(report('web_b', 20), report('web_a', 10));
        socket.say(report('web_a', 11));
        assert.deepEqual(await reports, [{ reached: 10 }, { reached: 20 }, { reached: 11 }]);
    });

    test('a refusal that overtakes the report of another publication does not hit it', async (t) => {
        const { client, socket } = greeted(t);
        const good = client.publish('web_a', 1);
        const refused = client.publish('webauth_b', 1);
        socket.say(refusal(NOT_ANONYMOUS), report('web_a', 3));
        await assert.rejects(within(refused, 'the refusal'), (error) => error instanceof ServerError && /webauth/.test(error.message));
        assert.deepEqual(await good, { reached: 3 });
    });

    test('a hidden sender is for web_ channels, and the report comes under the bare name', async (t) => {
        const { client, socket } = greeted(t);
        await assert.rejects(within(client.publish('@webauth_a', 1), 'the refusal'), TypeError);
        const hidden = client.publish('@web_a', 1);
        assert.deepEqual(socket.sent, ['web_pipe2\n@web_a\n\n*\n1']);
        socket.say(report('web_a', 2));
        assert.deepEqual(await hidden, { reached: 2 });
    });

    test('a server out of memory refuses a question as well as a publication', async (t) => {
        const { client, socket } = greeted(t);
        const [question, publication] = [client.count('web_a'), client.publish('web_a', 1)];
        socket.say(refusal('The server is out of memory, try again later'), refusal('The server is out of memory, try again later'));
        await assert.rejects(within(publication, 'the refusal'), /out of memory/);
        await assert.rejects(within(question, 'the refusal'), /out of memory/);
    });

    test('the history ends with the answer behind it; what is live, personal or of another channel is not part of it', async (t) => {
        const { client, socket } = greeted(t);
        const heard = [];
        client.on('message', ({ channel, data, isHistory }) => heard.push([channel, data, isHistory]));
        const history = client.history('web_log');
        assert.deepEqual(socket.sent.map((text) => text.split('\n').slice(0, 2)), [['pipe_log', 'web_log'], ['pipe_count', 'web_encke_end']]);
        socket.say(remembered('web_log', '"p0"'),
                   { data: '"live"', event: 'e', message_send_time: 1, pipe: 'web_log', user_id: 1 },
                   { data: 'queued', event: 'evm', fromQueue: true, message_send_time: 1795393858, pipe: 'msg' },
                   remembered('web_log', '"p1"'),
                   answer(socket.sent[1], { user_in_pipe: 0 }, '_answer_pipe_count'));
        assert.deepEqual((await history).map(({ data }) => data), ['p0', 'p1']);
        assert.deepEqual(heard, [['web_log', 'live', false], ['msg', 'queued', true]]);
    });

    test('a history cut off by a lost connection is asked for again from its beginning', async (t) => {
        const { client, sockets, socket } = greeted(t);
        const history = client.history('web_log');
        socket.say(remembered('web_log', '"p0"'));
        socket.onclose();
        await until(() => sockets.length === 2, 'the next attempt');
        sockets[1].say(GREETING, remembered('web_log', '"p0"'), remembered('web_log', '"p1"'));
        sockets[1].say(answer(sockets[1].sent[1], { user_in_pipe: 0 }));
        assert.deepEqual((await history).map(({ data }) => data), ['p0', 'p1']);
    });

    test("CppComet's own server is understood: its array of a count, its ids as text; its markers have no dot", async (t) => {
        const { client, socket } = greeted(t);
        const [count, presence, userData] = [client.count('web_a'), client.presence('track_b'), client.userData(77)];
        const markers = [socket.sent[0].split('\n')[2], socket.sent[1].split('\n')[2], socket.sent[2].split('\n')[1]];
        assert.ok(markers.every((marker) => /^[A-Za-z0-9_-]{1,64}$/.test(marker)), markers.join(' '));
        assert.equal(new Set(markers).size, 3);
        socket.say(answer(socket.sent[0], ['user_in_pipe', 1]), answer(socket.sent[1], [{ user_id: '3', uuid: 'ABC' }]),
                   answer(socket.sent[2], { user_data: '', user_id: 77 }));
        assert.deepEqual([await count, await presence, await userData], [1, [{ userId: 3, uuid: 'ABC' }], { userId: 77, data: '' }]);
    });

    test('lines that are no JSON are passed over, several documents in one frame are heard, and none after close', (t) => {
        const { client, socket } = greeted(t);
        const heard = [];
        client.on('message', ({ data }) => {
            heard.push(data);
            if (data === 2) {
                client.close();
            }
        });
        const line = (n) => JSON.stringify({ data: `${n}`, event: 'e', pipe: 'web_a', user_id: 0 });
        socket.onmessage({ data: `{"data":"cut off\n${line(1)}\nnull\n17\n${line(2)}\n${line(3)}` });
        assert.deepEqual(heard, [1, 2]);
    });

    test('raw leaves every text as it came', (t) => {
        const { client, socket } = greeted(t, { raw: true });
        const heard = [];
        client.subscribe('web_a', ({ data }) => heard.push(data));
        socket.say({ data: '{"a":1}', event: 'e', pipe: 'web_a', user_id: 0 }, { data: 'it\\\'s', event: 'e', pipe: 'web_a' });
        assert.deepEqual(heard, ['{"a":1}', "it\\'s"]);
    });

    test('a stable connection forgets earlier failures, a short one does not', async (t) => {
        for (const [stableAfter, ceilings] of [[0, [1, 1, 1, 1]], [60000, [1, 2, 4, 8]]]) {
            const { client, sockets } = scripted(t, { stableAfter, random: () => 0.5 });
            const delays = [];
            client.on('reconnecting', ({ delay }) => delays.push(delay));
            for (let i = 0; i < 4; i++) {
                await until(() => sockets.length === i + 1, 'an attempt');
                sockets[i].say(GREETING);
                sockets[i].onclose();
            }
            client.close();
            assert.deepEqual(delays, ceilings.map((ceiling) => ceiling / 2));
        }
    });

    test('any lost connection is made again, a clean close too; a top-level error is final and an inner one is not', async (t) => {
        const { client, sockets, socket } = greeted(t);
        socket.onclose({ code: 1001, wasClean: true });
        await until(() => sockets.length === 2, 'the next attempt');
        const errors = [];
        client.on('error', (error) => errors.push([error.code, error.message]));
        sockets[1].say(GREETING, { data: { code: '403', error: 'Too many letters' }, event: 'error', message_send_time: 1, pipe: 'sys' });
        assert.equal(client.state, 'open');
        sockets[1].say({ data: { error: 'Error code 423(Access denied)', error_code: 423 }, error: 423, event: 'error', pipe: 'sys' });
        assert.equal(client.state, 'closed');
        assert.deepEqual(errors, [[403, 'Too many letters'], [423, 'Error code 423(Access denied)']]);
    });

    test('an error that nobody listens for is shown', (t) => {
        const { socket } = greeted(t);
        const shown = t.mock.method(console, 'error', () => {});
        socket.say({ data: { code: '403', error: 'Too many letters' }, event: 'error', message_send_time: 1, pipe: 'sys' });
        assert.match(shown.mock.calls.map(({ arguments: words }) => words.join(' ')).join(), /Too many letters/);
    });
});

describe('the calls of CppComet and recorded frames', () => {
    function started(t) {
        const { Socket, sockets } = scripted(t);
        const api = new globalThis.CometServer();
        t.after(() => api.stop());
        return { api, open: () => {
            api.start({ node: 'here', dev_id: 1, user_id: 3, user_key: 'key', WebSocket: Socket });
            return sockets.at(-1);
        } };
    }

    test('CometServer() without new is the one that cometApi is', () => {
        assert.equal(globalThis.CometServer(), globalThis.cometApi);
        assert.ok(globalThis.cometApi instanceof globalThis.CometServer);
        assert.notEqual(new globalThis.CometServer(), globalThis.cometApi);
    });

    test('a name that no channel can have is shown, and the others are heard', async (t) => {
        const { api, open } = started(t);
        const shown = t.mock.method(console, 'error', () => {});
        const heard = [];
        api.subscription(['web_a.b.c', 'x', 'web_good'], (e) => heard.push(e.data));
        const socket = open();
        socket.say(GREETING, { data: '1', event: 'e', pipe: 'web_good' });
        assert.deepEqual(heard, [1]);
        assert.deepEqual(socket.sent, ['subscription\nweb_good']);
        api.subscription('no name', () => {});
        api.web_pipe_send('orders', 'e', 1);
        await until(() => shown.mock.calls.length === 4, 'four complaints');
    });

    test('a login that is known reaches onAuthSuccess, early and late', (t) => {
        const { api, open } = started(t);
        const calls = [];
        api.onAuthSuccess(() => calls.push('early'));
        api.onAuthFalill(() => calls.push('never'));
        const socket = open();
        assert.match(socket.url, /^ws:\/\/here\/ws\/sesion=key&myid=3&devid=1&/);
        socket.say({ ...GREETING, authorized: true, data: 'valid00000userHash' });
        api.onAuthSuccess(() => calls.push('late'));
        assert.deepEqual([calls, api.isAuthorized(), api.getRealUserKey(), api.getUserKey()], [['early', 'late'], true, 'valid00000userHash', 'key']);
    });

    test('personal messages come to msg and msg.event, with a pipe and without', (t) => {
        const { api, open } = started(t);
        const heard = [];
        api.subscription('msg', (e) => heard.push(['msg', e.data]));
        api.subscription('msg.evm', (e) => heard.push(['msg.evm', e.data]));
        const socket = open();
        socket.say(GREETING, { data: '{"k":"v"}', event: 'evm', pipe: 'msg' }, { data: 'm0', event: 'other' });
        assert.deepEqual(heard, [['msg', { k: 'v' }], ['msg.evm', { k: 'v' }], ['msg', 'm0']]);
        assert.ok(socket.sent.every((text) => !/\bmsg\b/.test(text)), 'msg is not a channel');
    });

    test("the escapes that CppComet's server adds to a browser's message are taken off", (t) => {
        const { api, open } = started(t);
        const heard = [];
        api.subscription('web_a', (e) => heard.push(e.data));
        open().say(GREETING, { data: '{\\"t\\":\\"x\\"}', event: 'ev', message_send_time: 1795393850, pipe: 'web_a', user_id: 3 });
        assert.deepEqual(heard, [{ t: 'x' }]);
    });
});
