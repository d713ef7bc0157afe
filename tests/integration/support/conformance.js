// Conformance cases of RFC 6455 and 7692: bytes in, and exactly the frames that must come out.
//
//   ['3.2', 'RSV2 in the second of two messages', [ask('a'), frame('x', { rsv: 2 }), ping('p')], [answer('a'), closed(1002)]]
//
// The bytes of a case are sent several times, each time on a new connection and chopped differently (CHOPS): what comes back must be
// the same. A case that ends without a Close frame is followed by a question, so that "nothing else was said" is checked, too.
//
// The server is no echo server. What stands for an echo: `say` publishes a text to a channel, and is answered with the text;
// `ask` asks a question with a marker, and is answered with the marker, before anything behind it is read. Connections are those of
// our own client (api=encke), which close as the RFC wants (docs/decisions/006-no-clean-close.md).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { frame, OPCODE, RawSocket, upgradeRequest } from './raw.js';
import { newUuid, urlPath } from './visitor.js';
import { turn, within } from './wait.js';

const WRITES_MAX = 600; // of a long case that is sent in small pieces

// --- what is sent ---------------------------------------------------------------------------------------------------------

const PREFIX = 'web_pipe2\nweb_conform\ne\n*\n';

/** The payload of a message that is answered with `text`; `text` may be bytes. */
export const said = (text) => Buffer.concat([Buffer.from(PREFIX), Buffer.from(text)]);
export const asked = (marker) => Buffer.from(`pipe_count\nweb_fence\n${marker}\n`);

export const say = (text, options) => frame(said(text), options);
export const ask = (marker, options) => frame(asked(marker), options);
export const ping = (payload = '', options) => frame(payload, { opcode: OPCODE.ping, ...options });
export const pong = (payload = '', options) => frame(payload, { opcode: OPCODE.pong, ...options });
export const begin = (payload, options) => frame(payload, { fin: false, ...options });
export const more = (payload, options) => frame(payload, { fin: false, opcode: OPCODE.continuation, ...options });
export const last = (payload, options) => frame(payload, { opcode: OPCODE.continuation, ...options });

/** A Close frame; `code` undefined: without a body. */
export function close(code, reason = '', options) {
    const body = Buffer.alloc(code === undefined ? 0 : 2);
    if (code !== undefined) {
        body.writeUInt16BE(code);
    }
    return frame(Buffer.concat([body, Buffer.from(reason)]), { opcode: OPCODE.close, ...options });
}

/** `payload` as one message in frames of at most `size` bytes. */
export function inFrames(payload, size, options) {
    const frames = [];
    for (let at = 0; at < payload.length || at === 0; at += size) {
        frames.push(frame(payload.subarray(at, at + size), {
            ...(at === 0 ? options : {}), opcode: at === 0 ? options?.opcode ?? OPCODE.text : OPCODE.continuation, fin: at + size >= payload.length,
        }));
    }
    return frames;
}

/** A text of `bytes` bytes, as a message that is exactly so long. */
export const sized = (bytes) => said('*'.repeat(bytes - PREFIX.length)).toString();
export const sizedAnswer = (bytes) => echo('*'.repeat(bytes - PREFIX.length));

// --- what must come back --------------------------------------------------------------------------------------------------

export const echo = (text) => ({ echo: text });
export const answer = (marker) => ({ answer: marker });
export const refusal = (text) => ({ refusal: text });
export const ponged = (payload = '') => ({ pong: Buffer.from(payload).toString('hex') });

/** A Close frame with this code (null: without a body), and the end of the connection. */
export const closed = (code) => ({ close: code });

/** What a frame of the server says, in the words above. */
function seen(f) {
    if (f.opcode === OPCODE.pong) {
        return { pong: f.payload.toString('hex') };
    }
    if (f.opcode === OPCODE.close) {
        new TextDecoder('utf-8', { fatal: true }).decode(f.payload.subarray(2));
        return { close: f.payload.length === 0 ? null : f.payload.readUInt16BE(0) };
    }
    assert.equal(f.opcode, OPCODE.text);
    const said = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(f.payload));
    if (said.marker !== undefined) {
        return { answer: said.marker };
    }
    return said.event === 'error' ? { refusal: said.data.error } : { echo: said.data.message };
}

// --- a connection ---------------------------------------------------------------------------------------------------------

/** One frame at the front, strictly read, or null. `rsv1`: compression was agreed. */
export function takeFrame(bytes, { rsv1 = false } = {}) {
    if (bytes.length < 2) {
        return null;
    }
    assert.equal(bytes[1] & 0x80, 0, 'a server must not mask');
    assert.equal(bytes[0] & (rsv1 ? 0x30 : 0x70), 0, 'reserved bits are set');
    const short = bytes[1] & 0x7f;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < head) {
        return null;
    }
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    assert.ok(head !== 4 || length > 125, 'the length is not in its minimal form');
    assert.ok(head !== 10 || length > 65535, 'the length is not in its minimal form');
    if (bytes.length < head + length) {
        return null;
    }
    return { fin: bytes[0] >> 7 === 1, isCompressed: (bytes[0] & 0x40) !== 0, opcode: bytes[0] & 15,
             payload: bytes.subarray(head, head + length), size: head + length };
}

export class Wire extends RawSocket {
    /** `offer`: a Sec-WebSocket-Extensions header, or several. */
    constructor(server, { offer = [], read = (f) => f, path } = {}) {
        super(server.wsPort);
        this.path = path ?? urlPath({ uuid: newUuid() }).replace('api=js', 'api=encke');
        this.headers = [offer].flat().map((value) => `Sec-WebSocket-Extensions: ${value}`);
        this.readFrame = read;
        this.at = 0;
    }

    async something() {
        if (this.ended || this.closed) {
            throw new Error('the connection has ended');
        }
        await within(Promise.race([once(this.socket, 'data'), once(this.socket, 'end'), once(this.socket, 'close')]), 'bytes of the server');
    }

    async open() {
        await this.connected;
        await this.write(upgradeRequest(this.path, { headers: this.headers }));
        while (!this.received.includes('\r\n\r\n')) {
            await this.something();
        }
        this.at = this.received.indexOf('\r\n\r\n') + 4;
        this.head = this.received.subarray(0, this.at).toString('latin1');
        assert.match(this.head, /^HTTP\/1\.1 101 /);
        this.extensions = /^Sec-WebSocket-Extensions: (.*)\r$/mi.exec(this.head)?.[1] ?? '';
        const info = await this.nextFrame();
        assert.equal(JSON.parse(info.payload).event, 'serverInfo');
        return this;
    }

    async nextFrame() {
        for (;;) {
            const next = takeFrame(this.received.subarray(this.at), { rsv1: this.extensions !== '' });
            if (next !== null) {
                this.at += next.size;
                assert.ok(next.fin, 'the server does not fragment');
                return this.readFrame(next);
            }
            await this.something();
        }
    }

    async untilEnded() {
        while (!this.ended && !this.closed) {
            await this.something();
        }
    }
}

// --- cases ----------------------------------------------------------------------------------------------------------------

/** Ways to send: each makes pieces of the frames of a case. */
const CHOPS = {
    'at once': (frames) => [Buffer.concat(frames)],
    'frame by frame': (frames) => frames,
    'byte by byte': (frames) => pieces(Buffer.concat(frames), 1),
    'in sevens': (frames) => pieces(Buffer.concat(frames), 7),
};

function pieces(all, step) {
    const size = Math.max(step, Math.ceil(all.length / WRITES_MAX));
    return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.subarray(i * size, (i + 1) * size));
}

async function sendAll(wire, chopped) {
    for (const piece of chopped) {
        if (wire.closed || wire.ended) {
            return;
        }
        await wire.write(piece);
        if (chopped.length > 1) {
            await turn();
        }
    }
}

/** Sends, and insists on exactly these answers. */
export async function converse(wire, chopped, expected) {
    const sending = sendAll(wire, chopped);
    const got = [];
    for (const one of expected) {
        try {
            got.push(seen(await wire.nextFrame()));
        } catch (error) {
            assert.fail(`${error.message}; after ${JSON.stringify(got).slice(0, 300)} came no ${JSON.stringify(one).slice(0, 300)}`);
        }
    }
    assert.deepEqual(got, expected);
    await sending;
    if (expected.at(-1)?.close !== undefined) {
        await wire.untilEnded();
        assert.equal(wire.received.length, wire.at, 'nothing comes behind the Close frame');
        return;
    }
    await wire.write(ask('still here'));
    assert.deepEqual(seen(await wire.nextFrame()), { answer: 'still here' }, 'nothing else was said');
}

/** One test for each case and each chop. `options`: of each Wire. `chops`: names of CHOPS. */
export function cases(suite, list, { chops = Object.keys(CHOPS), ...options } = {}) {
    for (const [number, what, frames, expected] of list) {
        test(`${number} ${what}`, async (t) => {
            await Promise.all(chops.map(async (chop) => {
                const wire = new Wire(suite.at, typeof options.wire === 'function' ? options.wire() : options.wire);
                t.after(() => wire.destroy());
                await wire.open();
                await converse(wire, CHOPS[chop]([frames].flat()), expected).catch((error) => {
                    error.message = `${chop}: ${error.message}`;
                    throw error;
                });
            }));
        });
    }
}
