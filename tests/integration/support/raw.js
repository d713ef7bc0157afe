// Bytes on a socket, for what no library would send: RFC 6455 frames of any shape, HTTP requests in pieces.

import net from 'node:net';
import tls from 'node:tls';
import { isSecure } from './over_tls.js';
import { turn, until } from './wait.js';
import { newUuid, urlPath } from './visitor.js';

export class RawSocket {
    constructor(port) {
        this.received = Buffer.alloc(0);
        this.chunks = [];
        this.ended = false;   // the server sent FIN
        this.closed = false;
        this.isSecure = isSecure(port);
        this.socket = this.isSecure ? tls.connect({ host: '127.0.0.1', port }) : net.connect({ host: '127.0.0.1', port });
        this.socket.setNoDelay(true);
        this.socket.on('data', (chunk) => (this.received = Buffer.concat([this.received, chunk])));
        this.socket.on('error', (error) => (this.error = error));
        this.socket.on('end', () => (this.ended = true));
        this.socket.on('close', () => (this.closed = true));
        this.connected = new Promise((resolve, reject) => {
            this.socket.once(this.isSecure ? 'secureConnect' : 'connect', resolve);
            this.socket.once('error', reject);
        });
        this.connected.catch(() => {});
    }

    write(bytes) {
        return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
    }

    /** One write for each byte, with a turn between, so that the server sees many small reads. */
    async writeByBytes(bytes, step = 1) {
        const all = Buffer.from(bytes);
        for (let at = 0; at < all.length && !this.closed; at += step) {
            await this.write(all.subarray(at, at + step));
            await turn();
        }
    }

    text() {
        return this.received.toString('latin1');
    }

    untilText(fits, what) {
        return until(() => (fits instanceof RegExp ? fits.exec(this.text()) : fits(this.text())),
                     () => `${what ?? fits}; got ${JSON.stringify(this.text().slice(-400))}`);
    }

    /** The server has ended the connection (FIN or reset). */
    untilEnd(deadlineMs) {
        return until(() => this.ended || this.closed, () => `the server to end the connection; got ${JSON.stringify(this.text().slice(-400))}`,
                     deadlineMs);
    }

    /** A reset, where Node can send one. */
    reset() {
        return this.isSecure ? this.socket.destroy() : this.socket.resetAndDestroy();
    }

    destroy() {
        this.socket.destroy();
    }
}

/** A raw connection that goes away with the test. */
export async function dial(t, port) {
    const raw = new RawSocket(port);
    t.after(() => raw.destroy());
    await raw.connected;
    return raw;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** One client frame. `lengthForm` 7, 16 or 64 overrides the minimal form; `mask` null sends it unmasked. */
export function frame(payload, { fin = true, rsv = 0, opcode = OPCODE.text, mask = [0x11, 0xa2, 0x33, 0xc4], lengthForm } = {}) {
    const body = Buffer.from(payload);
    const form = lengthForm ?? (body.length < 126 ? 7 : body.length < 65536 ? 16 : 64);
    const head = Buffer.alloc(form === 7 ? 2 : form === 16 ? 4 : 10);
    head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
    if (form === 7) {
        head[1] = body.length;
    } else if (form === 16) {
        head[1] = 126;
        head.writeUInt16BE(body.length, 2);
    } else {
        head[1] = 127;
        head.writeBigUInt64BE(BigInt(body.length), 2);
    }
    if (mask === null) {
        return Buffer.concat([head, body]);
    }
    head[1] |= 0x80;
    const masked = Buffer.from(body.map((byte, i) => byte ^ mask[i % 4]));
    return Buffer.concat([head, Buffer.from(mask), masked]);
}

/** The frames a server sent, strictly: no mask, no reserved bits, minimal lengths. `rest` is what is not complete yet. */
export function parseFrames(bytes) {
    const frames = [];
    let at = 0;
    while (bytes.length - at >= 2) {
        const short = bytes[at + 1] & 0x7f;
        const head = short < 126 ? 2 : short === 126 ? 4 : 10;
        if (bytes[at + 1] & 0x80) {
            throw new Error('a server must not mask');
        }
        if (bytes[at] & 0x70) {
            throw new Error('reserved bits are set');
        }
        if (bytes.length - at < head) {
            break;
        }
        const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
        if ((head === 4 && length < 126) || (head === 10 && length < 65536)) {
            throw new Error('the length is not in its minimal form');
        }
        if (bytes.length - at - head < length) {
            break;
        }
        frames.push({ fin: bytes[at] >> 7 === 1, opcode: bytes[at] & 15, payload: bytes.subarray(at + head, at + head + length) });
        at += head + length;
    }
    return { frames, rest: bytes.subarray(at) };
}

export function upgradeRequest(path, { key = 'dGhlIHNhbXBsZSBub25jZQ==', headers = [] } = {}) {
    return [`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Key: ${key}`,
            'Sec-WebSocket-Version: 13', ...headers, '', ''].join('\r\n');
}

/** A visitor on bare bytes. */
export class RawVisitor extends RawSocket {
    constructor(server, options = {}) {
        super(server.wsPort);
        this.server = server;
        this.dev = options.dev ?? 0;
        this.uuid = options.uuid ?? newUuid();
        this.path = options.path ?? urlPath({ ...options, uuid: this.uuid });
        this.headers = options.headers ?? [];
        this.taken = 0;
    }

    async open() {
        await this.connected;
        await this.write(upgradeRequest(this.path, { headers: this.headers }));
        return this.opened();
    }

    async opened() {
        await this.untilText(/^HTTP\/1\.1 101 [^]*?\r\n\r\n/, 'the handshake');
        this.body = this.received.indexOf('\r\n\r\n') + 4;
        await this.nextText((f) => f.event === 'serverInfo');
        return this;
    }

    /** All complete frames so far. */
    frames() {
        return parseFrames(this.received.subarray(this.body)).frames;
    }

    /** The next frame that was not taken yet. */
    async nextFrame() {
        await until(() => {
            if (this.frames().length <= this.taken && (this.closed || this.ended)) {
                throw new Error('the connection ended while waiting for a frame');
            }
            return this.frames().length > this.taken;
        }, 'a frame');
        return this.frames()[this.taken++];
    }

    async nextText(fits = () => true) {
        for (;;) {
            const next = await this.nextFrame();
            if (next.opcode === OPCODE.text) {
                const parsed = JSON.parse(next.payload.toString('utf8'));
                if (fits(parsed)) {
                    return parsed;
                }
            }
        }
    }

    command(...lines) {
        return this.write(frame(lines.join('\n')));
    }

    /** The server is still listening to this connection: it answers a question. */
    async alive() {
        await this.command('pipe_count', 'web_fence', 'alive', '');
        return this.nextText((f) => f.marker === 'alive');
    }
}

export async function rawVisit(t, server, options) {
    const visitor = new RawVisitor(server, options);
    t.after(() => visitor.destroy());
    return visitor.open();
}
