// RFC 6455, the receiving side, in bytes that no library would send. The classic protocol ends a connection without a Close frame.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { dial, frame, OPCODE, RawVisitor, rawVisit, upgradeRequest } from './support/raw.js';
import { serverForSuite } from './support/server.js';
import { newUuid, urlPath } from './support/visitor.js';
import { until } from './support/wait.js';

const question = (marker) => `pipe_count\nweb_fence\n${marker}\n`;

describe('frames', () => {
    const suite = serverForSuite({ 'ws.max_message': 100_000 });

    /** The server answers a question made of these frames. */
    async function assertAnswered(t, frames, marker) {
        const raw = await rawVisit(t, suite.at);
        await raw.write(Buffer.concat(frames));
        assert.equal((await raw.nextText()).marker, marker);
        return raw;
    }

    /** The server drops the connection without a word. */
    async function assertDropped(t, frames) {
        const raw = await rawVisit(t, suite.at);
        const before = raw.received.length;
        await raw.write(Buffer.concat(frames));
        await raw.untilEnd();
        assert.equal(raw.received.length, before, `nothing is said: ${raw.received.subarray(before).toString('hex')}`);
    }

    test('a message in fragments is one message', async (t) => {
        const text = question('pieces');
        const pieces = [...text].map((letter, i) => frame(letter, { opcode: i === 0 ? OPCODE.text : OPCODE.continuation, fin: i === text.length - 1 }));
        await assertAnswered(t, pieces, 'pieces');
    });

    test('empty fragments are fragments', async (t) => {
        await assertAnswered(t, [frame('', { fin: false }), frame(question('e'), { opcode: 0, fin: false }), frame('', { opcode: 0 })], 'e');
    });

    test('a ping between fragments is answered at once, with its text', async (t) => {
        const raw = await rawVisit(t, suite.at);
        await raw.write(Buffer.concat([frame('pipe_count\nweb', { fin: false }), frame('are you there?', { opcode: OPCODE.ping })]));
        const pong = await raw.nextFrame();
        assert.equal(pong.opcode, OPCODE.pong);
        assert.equal(pong.payload.toString(), 'are you there?');
        await raw.write(frame('_fence\nmm\n', { opcode: 0 }));
        assert.equal((await raw.nextText()).marker, 'mm');
    });

    test('pings of 0 and 125 bytes are answered; a lone pong is ignored', async (t) => {
        const raw = await rawVisit(t, suite.at);
        for (const size of [0, 1, 125]) {
            const payload = Buffer.alloc(size, 0xfe);
            await raw.write(frame(payload, { opcode: OPCODE.ping }));
            const pong = await raw.nextFrame();
            assert.equal(pong.opcode, OPCODE.pong);
            assert.deepEqual(pong.payload, payload);
        }
        await raw.write(Buffer.concat([frame('', { opcode: OPCODE.pong }), frame('x'.repeat(125), { opcode: OPCODE.pong })]));
        await raw.alive();
    });

    test('a pong that follows a command in the same read changes nothing', async (t) => {
        const raw = await assertAnswered(t, [frame(question('a')), frame('', { opcode: OPCODE.pong }), frame(question('b'))], 'a');
        assert.equal((await raw.nextText()).marker, 'b');
    });

    for (const mask of [[0, 0, 0, 0], [255, 255, 255, 255], [1, 2, 3, 4]]) {
        test(`the mask ${mask} is taken off`, async (t) => {
            await assertAnswered(t, [frame(question('masked'), { mask })], 'masked');
        });
    }

    const wrong = {
        'an unmasked frame': [frame(question('x'), { mask: null })],
        'an unmasked ping': [frame('', { opcode: OPCODE.ping, mask: null })],
        'a set RSV1': [frame(question('x'), { rsv: 4 })],
        'a set RSV2': [frame(question('x'), { rsv: 2 })],
        'a set RSV3': [frame(question('x'), { rsv: 1 })],
        'a set RSV1 on a ping': [frame('', { rsv: 4, opcode: OPCODE.ping })],
        'opcode 3': [frame(question('x'), { opcode: 3 })],
        'opcode 7': [frame('', { opcode: 7 })],
        'opcode 11': [frame('', { opcode: 11 })],
        'opcode 15': [frame('', { opcode: 15 })],
        'a continuation of nothing': [frame('x', { opcode: 0 })],
        'a new message inside a fragmented one': [frame('pipe_', { fin: false }), frame(question('x'))],
        'a fragmented ping': [frame('', { opcode: OPCODE.ping, fin: false })],
        'a ping of 126 bytes': [frame('x'.repeat(126), { opcode: OPCODE.ping })],
        'a length in 16 bits where 7 do': [frame(question('x'), { lengthForm: 16 })],
        'a length in 64 bits where 7 do': [frame(question('x'), { lengthForm: 64 })],
        'a length in 64 bits where 16 do': [frame(`web_pipe2\nweb_a\ne\n*\n${'x'.repeat(1000)}`, { lengthForm: 64 })],
        'a length with its highest bit set': [Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4])],
        'a Close frame of one byte': [frame('x', { opcode: OPCODE.close })],
        'invalid UTF-8': [frame(Buffer.concat([Buffer.from('web_pipe2\nweb_a\ne\n*\n'), Buffer.from([0xff])]))],
        'an overlong form': [frame(Buffer.concat([Buffer.from('web_pipe2\nweb_a\ne\n*\n'), Buffer.from([0xc0, 0xaf])]))],
        'a surrogate': [frame(Buffer.concat([Buffer.from('web_pipe2\nweb_a\ne\n*\n'), Buffer.from([0xed, 0xa0, 0x80])]))],
        'a character that the message cuts off': [frame(Buffer.concat([Buffer.from('web_pipe2\nweb_a\ne\n*\n'), Buffer.from([0xf0, 0x9f, 0x98])]))],
        'invalid UTF-8 that spans two fragments': [
            frame(Buffer.concat([Buffer.from('web_pipe2\nweb_a\ne\n*\n'), Buffer.from([0xe2, 0x82])]), { fin: false }),
            frame(Buffer.from([0x28]), { opcode: 0 })],
        'a message over the limit': [frame('x'.repeat(100_001))],
        'fragments that add up to more than the limit': [frame('x'.repeat(60_000), { fin: false }), frame('x'.repeat(60_000), { opcode: 0 })],
    };
    for (const [what, frames] of Object.entries(wrong)) {
        test(`${what} ends the connection`, async (t) => {
            await assertDropped(t, frames);
        });
    }

    test('the announcement of a message over the limit is enough', async (t) => {
        const raw = await rawVisit(t, suite.at);
        const head = Buffer.alloc(14);
        head[0] = 0x81;
        head[1] = 0xff;
        head.writeBigUInt64BE(1n << 40n, 2);
        await raw.write(head);
        await raw.untilEnd();
    });

    test('a message of exactly the limit is taken', async (t) => {
        const listener = await rawVisit(t, suite.at);
        await listener.command('subscription', 'web_limit');
        await suite.at.untilCount('web_limit', 1);
        const raw = await rawVisit(t, suite.at);
        const head = 'web_pipe2\nweb_limit\ne\n*\n';
        await raw.write(frame(head + 'x'.repeat(100_000 - head.length)));
        assert.equal((await listener.nextText()).data.length, 100_000 - head.length);
    });

    test('characters split between fragments are whole characters', async (t) => {
        const bytes = Buffer.from('web_pipe2\nweb_split\ne\n*\nпривет 😀 €');
        for (let at = 24; at < bytes.length; at++) {
            const raw = await rawVisit(t, suite.at);
            await raw.write(Buffer.concat([frame(bytes.subarray(0, at), { fin: false }), frame(bytes.subarray(at), { opcode: 0 })]));
            assert.equal((await raw.nextText()).data.message, 'привет 😀 €');
            raw.destroy();
        }
    });

    test('frames that come byte by byte are frames', async (t) => {
        const raw = await rawVisit(t, suite.at);
        await raw.writeByBytes(Buffer.concat([
            frame('pipe_count\nweb', { fin: false }), frame('ping', { opcode: OPCODE.ping }), frame('_fence\nslow\n', { opcode: 0 }),
            frame(`${question('second')}`), frame(`web_pipe2\nweb_slow\ne\n*\n${'x'.repeat(150)}`)]));
        assert.equal((await raw.nextFrame()).opcode, OPCODE.pong);
        assert.equal((await raw.nextText()).marker, 'slow');
        assert.equal((await raw.nextText()).marker, 'second');
        assert.equal((await raw.nextText()).data.message, 'x'.repeat(150));
    });

    test('a handshake that comes byte by byte is a handshake', async (t) => {
        const raw = new RawVisitor(suite.at);
        t.after(() => raw.destroy());
        await raw.connected;
        await raw.writeByBytes(upgradeRequest(raw.path));
        await raw.opened();
        await raw.alive();
    });

    test('half a frame waits for its other half', async (t) => {
        const raw = await rawVisit(t, suite.at);
        const bytes = frame(question('halves'));
        for (let at = 1; at < bytes.length; at++) {
            await raw.write(bytes.subarray(0, at));
            await new Promise(setImmediate);
            await raw.write(bytes.subarray(at));
            assert.equal((await raw.nextText()).marker, 'halves', `split at ${at}`);
        }
    });

    test('a client that vanishes in the middle of a frame leaves nothing behind', async (t) => {
        for (let i = 0; i < 20; i++) {
            const raw = await rawVisit(t, suite.at);
            await raw.command('subscription', 'web_vanish');
            await raw.write(frame(question('x')).subarray(0, 3 + i));
            raw.reset();
        }
        await suite.at.untilCount('web_vanish', 0);
    });
});

describe('handshakes', () => {
    const suite = serverForSuite();
    const path = () => urlPath({ uuid: newUuid() });

    test('header names and values in any case', async (t) => {
        const lines = [
            ['host: x', 'upgrade: WebSocket', 'connection: keep-alive, upgrade', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version: 13'],
            ['HOST: x', 'UPGRADE: WEBSOCKET', 'CONNECTION: UPGRADE', 'SEC-WEBSOCKET-KEY:dGhlIHNhbXBsZSBub25jZQ==', 'SEC-WEBSOCKET-VERSION:13'],
            ['Host: x', 'Upgrade:\twebsocket \t', 'Connection: Upgrade ', 'Sec-WebSocket-Key: \t dGhlIHNhbXBsZSBub25jZQ==  ', 'Sec-WebSocket-Version: 13'],
        ];
        for (const headers of lines) {
            const raw = new RawVisitor(suite.at);
            t.after(() => raw.destroy());
            await raw.connected;
            await raw.write([`GET ${raw.path} HTTP/1.1`, ...headers, '', ''].join('\r\n'));
            await raw.opened();
            assert.match(raw.text(), /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
            await raw.alive();
        }
    });

    const refusedWith400 = {
        'no key': ['Host: x', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'],
        'an empty key': ['Host: x', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key:', 'Sec-WebSocket-Version: 13'],
        'a key of 15 bytes': ['Host: x', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA', 'Sec-WebSocket-Version: 13'],
        'a very long key': ['Host: x', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Key: ${'A'.repeat(500)}==`, 'Sec-WebSocket-Version: 13'],
    };
    for (const [what, headers] of Object.entries(refusedWith400)) {
        test(`${what} is a bad request`, async (t) => {
            const raw = await dial(t, suite.at.wsPort);
            await raw.write([`GET ${path()} HTTP/1.1`, ...headers, '', ''].join('\r\n'));
            await raw.untilEnd();
            assert.match(raw.text(), /^HTTP\/1\.1 400 [^]*\r\nContent-Length: \d+\r\n/i);
        });
    }

    test('another version of the protocol is answered with the one that is spoken', async (t) => {
        const raw = await dial(t, suite.at.wsPort);
        await raw.write(upgradeRequest(path()).replace('Version: 13', 'Version: 8'));
        await raw.untilEnd();
        assert.match(raw.text(), /^HTTP\/1\.1 4(26|00) /);
        assert.match(raw.text(), /\r\nSec-WebSocket-Version: 13\r\n/i);
    });

    test('a plain request to a WebSocket path is told what it lacks', async (t) => {
        const raw = await dial(t, suite.at.wsPort);
        await raw.write(`GET ${path()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        await raw.untilEnd();
        assert.match(raw.text(), /^HTTP\/1\.1 4\d\d /);
    });

    test('a library that offers compression gets it', async (t) => {
        const socket = new WebSocket(`${suite.at.ws}${path()}`, { perMessageDeflate: true });
        t.after(() => socket.terminate());
        const first = await new Promise((resolve, reject) => {
            socket.once('message', (data) => resolve(JSON.parse(data)));
            socket.once('error', reject);
        });
        assert.equal(first.event, 'serverInfo');
        assert.equal(socket.extensions, 'permessage-deflate');
    });
});

describe('signs of life', () => {
    const suite = serverForSuite({ 'ws.ping': '200ms', 'ws.idle': '600ms' });

    test('a quiet client is asked by a ping, and stays when it answers', async (t) => {
        const raw = await rawVisit(t, suite.at);
        for (let i = 0; i < 5; i++) {
            const ping = await raw.nextFrame();
            assert.equal(ping.opcode, OPCODE.ping);
            await raw.write(frame(ping.payload, { opcode: OPCODE.pong }));
        }
        await raw.alive();
    });

    test('a client that gives no sign of life is dropped, without a Close frame, and leaves its channels', async (t) => {
        const raw = await rawVisit(t, suite.at);
        await raw.command('subscription', 'track_dead');
        await raw.untilEnd();
        assert.ok(raw.frames().every((f) => f.opcode === OPCODE.ping || f.opcode === OPCODE.text));
        assert.ok(raw.frames().some((f) => f.opcode === OPCODE.ping), 'it was asked first');
        await suite.at.untilCount('track_dead', 0);
    });

    test('a library that answers pings by itself stays', async (t) => {
        const socket = new WebSocket(`${suite.at.ws}${urlPath({ uuid: newUuid() })}`);
        t.after(() => socket.terminate());
        let pings = 0;
        socket.on('ping', () => pings++);
        await until(() => pings >= 5, 'five pings');
        assert.equal(socket.readyState, WebSocket.OPEN);
    });
});
