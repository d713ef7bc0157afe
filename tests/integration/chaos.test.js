// Strangers who do everything wrong at once, on every port, for some seconds; somebody who behaves must not notice.
//
// The choices come from one seed, which is printed: ENCKE_SEED repeats them (not the timing). ENCKE_CHAOS_S makes it longer.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import net from 'node:net';
import { test } from 'node:test';
import { randomFrom } from './support/random.js';
import { serverForTest } from './support/server.js';
import { urlPath, visit } from './support/visitor.js';
import { until } from './support/wait.js';

const SECONDS = Number(process.env.ENCKE_CHAOS_S || 4);
const NAMES = ['web_a', 'web_b', 'track_a', 'track_b', 'private_x', 'trust_a', 'x', `web_${'y'.repeat(60)}`, `web_${'z'.repeat(61)}`, 'msg', 'sys', 'a b',
               'web_é', '@web_a', ''];

class Chaos {
    constructor(server, seed) {
        this.server = server;
        this.random = randomFrom(seed);
        this.strangers = 0;
    }

    pick(list) {
        return list[this.random(list.length)];
    }

    bytes(count) {
        return Buffer.from(Array.from({ length: count }, () => this.random(256)));
    }

    frame(opcode, text, { isFinal = true, isMasked = true, reserved = 0 } = {}) {
        const payload = Buffer.from(text);
        const first = (isFinal ? 0x80 : 0) | reserved << 4 | opcode, masked = isMasked ? 0x80 : 0;
        const head = payload.length < 126 ? Buffer.from([first, masked | payload.length])
            : payload.length < 65536 ? Buffer.from([first, masked | 126, payload.length >> 8, payload.length & 255])
            : Buffer.from([first, masked | 127, 0, 0, 0, 0, 0, payload.length >> 16, payload.length >> 8 & 255, payload.length & 255]);
        const mask = this.bytes(isMasked ? 4 : 0);
        return Buffer.concat([head, mask, isMasked ? payload.map((byte, i) => byte ^ mask[i & 3]) : payload]);
    }

    command() {
        const name = () => this.pick(NAMES);
        return this.pick([
            () => ['subscription', ...Array.from({ length: this.random(30) }, name)],
            () => ['web_pipe2', name(), this.pick(['e', '', ' ', 'é', 'e'.repeat(70)]), this.pick(['*', '**', '']), 'x'.repeat(this.pick([0, 10, 120, 70000]))],
            () => ['pipe_count', name(), this.pick(['m', 'm.1', '"', 'x'.repeat(80)]), ''],
            () => ['pipe_log', name(), 'm', ''],
            () => ['track_pipe_users', name(), 'm'],
            () => ['user_data', 'm', this.pick(['1', 'x', '999999999999'])],
            () => ['statistics', '{}'],
            () => [this.pick(['hello', 'subscription', 'web_pipe2', 'web_pipe2\n', 'pipe_log', '\0'])],
        ])().join('\n');
    }

    frames() {
        const text = Buffer.from(this.command()), at = this.random(text.length + 1);
        return this.pick([
            () => this.frame(1, text), () => this.frame(1, text), () => this.frame(1, text), () => this.frame(1, text), () => this.frame(2, text),
            () => Buffer.concat([this.frame(1, text.subarray(0, at), { isFinal: false }), this.frame(9, 'p'), this.frame(0, text.subarray(at))]),
            () => this.frame(9, 'x'.repeat(this.random(126))),
            () => this.random(4) ? this.frame(1, text)
                : this.frame(this.pick([1, 3, 8, 11]), text, { isMasked: this.random(2) > 0, reserved: this.random(4) }),
        ])();
    }

    /** Writes in pieces of any size, perhaps reads, and leaves when it likes. */
    stranger(port, bytes) {
        this.strangers++;
        return new Promise((resolve) => {
            const socket = net.connect(port, '127.0.0.1');
            const leave = () => { socket.destroy(); resolve(); };
            socket.on('error', leave).on('close', leave);
            if (this.random(3)) {
                socket.resume();
            }
            const write = (at) => {
                if (at >= bytes.length) {
                    socket.end();
                    setTimeout(leave, this.random(50)).unref();
                } else if (!socket.destroyed) {
                    const next = at + 1 + this.random(this.pick([10, 2000, 70000]));
                    socket.write(bytes.subarray(at, next));
                    setImmediate(write, next);
                }
            };
            write(0);
        });
    }

    browser() {
        const path = this.pick([urlPath({ uuid: 'u'.repeat(this.random(40)), dev: this.pick([0, 1, 'x']), version: this.pick(['4.08', '3.24', '']) }), '/ws/', '/x']);
        const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nUser-Agent: ${'a'.repeat(this.random(300))}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
                     `Sec-WebSocket-Key: ${this.bytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`;
        return this.stranger(this.server.wsPort, Buffer.concat([Buffer.from(head), ...Array.from({ length: this.random(30) }, () => this.frames())]));
    }

    page() {
        return this.stranger(this.server.wsPort, Buffer.from(this.pick([
            'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5), this.bytes(300),
            'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello', `GET /${'%2e%2e/'.repeat(9)} HTTP/1.1\r\nHost: x\r\n\r\n`,
        ])));
    }

    driver() {
        return this.stranger(this.server.sqlPort, this.bytes(this.random(200)));
    }
}

test('one who behaves loses nothing while strangers do everything wrong', async (t) => {
    const seed = Number(process.env.ENCKE_SEED || randomInt(2 ** 31));
    t.diagnostic(`ENCKE_SEED=${seed}`);
    const server = await serverForTest(t, { 'main.shards': 3, 'ws.max_queue': '256K', 'ws.ping': '200ms', 'ws.idle': '2s', 'main.history_bytes': '2M' });
    const chaos = new Chaos(server, seed);
    const good = await visit(t, server);
    await good.subscribe('web_good');
    const until_ms = Date.now() + SECONDS * 1000;
    const again = async (act) => {
        while (Date.now() < until_ms && !server.process.result) {
            await act();
        }
    };
    let published = 0;
    await Promise.all([
        again(() => server.publish('web_good', 'e', `${published++}`)),
        ...Array.from({ length: 20 }, () => again(() => chaos.browser())),
        ...Array.from({ length: 4 }, () => again(() => chaos.page())),
        ...Array.from({ length: 4 }, () => again(() => chaos.driver())),
    ]);
    await until(() => good.inbox.length === published, () => `${published} messages, ${good.inbox.length} came`);
    assert.deepEqual(good.inbox.map((frame) => Number(frame.data)), Array.from({ length: published }, (_, i) => i));
    assert.ok(chaos.strangers > 100, `${chaos.strangers} strangers`);
    const gauge = async (name) => Number((await server.query('SHOW GLOBAL STATUS')).find((row) => row.Variable_name === name).Value);
    await until(async () => await gauge('ws_connections') === 1, 'the strangers to be gone');
    assert.deepEqual([await gauge('sessions'), await gauge('subscriptions'), await gauge('queued_bytes')], [1, 1, 0]);
});
