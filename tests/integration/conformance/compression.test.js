// RFC 7692, categories 12 and 13: compressed messages, and how compression is agreed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import zlib from 'node:zlib';
import { answer, ask, asked, begin, cases, closed, echo, inFrames, last, more, ping, ponged, refusal, said, sized, sizedAnswer,
         Wire } from '../support/conformance.js';
import { frame, OPCODE, upgradeRequest } from '../support/raw.js';
import { serverForSuite } from '../support/server.js';

const AGREED = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const WINDOWED = `${AGREED}; server_max_window_bits=12`;
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** What RFC 7692 makes of a payload. */
function pack(payload, options = {}) {
    const bytes = zlib.deflateRawSync(Buffer.from(payload), { finishFlush: zlib.constants.Z_SYNC_FLUSH, ...options });
    assert.deepEqual(bytes.subarray(-4), TAIL);
    return bytes.subarray(0, -4);
}

const packed = (payload, options = {}) => frame(pack(payload, options.zlib), { rsv: 4, ...options });
const packedFrames = (payload, size, options = {}) => inFrames(pack(payload), size, { rsv: 4, ...options });
const BINARY = { opcode: OPCODE.binary };

/** A payload that is answered, of `bytes` bytes that a compressor likes or not. */
const noise = (bytes) => Array.from({ length: bytes }, (_, i) => String.fromCharCode(33 + ((i * i * 7919 + i * 104729) >>> 3) % 90).replace(/["'\\]/, '-')).join('');

describe('12 compressed messages', { concurrency: 4 }, () => {
    const suite = serverForSuite({ 'main.shards': 1, 'ws.max_message': 300_000 });
    const options = { wire: () => ({ offer: 'permessage-deflate; client_max_window_bits' }) };
    const sizes = [64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072];
    cases(suite, sizes.flatMap((size, i) => [
        [`12.1.${i + 1}`, `a text of ${size} bytes`, [packed(sized(size))], [sizedAnswer(size)]],
        [`12.2.${i + 1}`, `a text of ${size} bytes that stays large`, [packed(said(noise(size)))], [echo(noise(size))]],
        [`12.3.${i + 1}`, `a text of ${size} bytes in frames of 64`, packedFrames(said(noise(size)), 64), [echo(noise(size))]],
        [`12.4.${i + 1}`, `a binary message of ${size} bytes in frames of 1000`, packedFrames(said(noise(size)), 1000, BINARY), [echo(noise(size))]],
    ]), options);
    cases(suite, [16, 256, 1024].map((size, i) =>
        [`12.5.${i + 1}`, `1000 texts of ${size} bytes more`, Array.from({ length: 1000 }, () => packed(sized(40 + size))),
            Array.from({ length: 1000 }, () => sizedAnswer(40 + size))]), { ...options, chops: ['at once', 'in sevens'] });
    cases(suite, [
        ...[0, 1, 6, 9].map((level) => [`12.6.${level}`, `level ${level}`, [packed(said(noise(3000)), { zlib: { level } })], [echo(noise(3000))]]),
        ...[9, 10, 12, 15].map((windowBits) => [`12.7.${windowBits}`, `a window of ${windowBits} bits`, [packed(said(noise(60_000)), { zlib: { windowBits } })], [echo(noise(60_000))]]),
        ...['Z_HUFFMAN_ONLY', 'Z_RLE', 'Z_FIXED'].map((name) => [`12.8.${name}`, `the strategy ${name}`,
            [packed(said(noise(3000)), { zlib: { strategy: zlib.constants[name] } })], [echo(noise(3000))]]),
        ['12.9.1', 'compressed and plain, in turns', [packed(asked('a')), ask('b'), packed(asked('c')), ask('d')], ['a', 'b', 'c', 'd'].map(answer)],
        ['12.9.2', 'a plain message in fragments', [begin('pipe_count\n'), last('web_fence\na\n')], [answer('a')]],
        ['12.9.3', 'a compressed one in three fragments, pings between', [
            frame(pack(said('abc')).subarray(0, 5), { rsv: 4, fin: false }), ping('1'), more(pack(said('abc')).subarray(5, 9)), ping('2'),
            last(pack(said('abc')).subarray(9))], [ponged('1'), ponged('2'), echo('abc')]],
        ['12.9.4', 'a first fragment that is empty', [frame('', { rsv: 4, fin: false }), last(pack(said('abc')))], [echo('abc')]],
        ['12.9.5', 'a block that is marked as the last', [frame(Buffer.concat([zlib.deflateRawSync(said('last')), Buffer.from([0])]), { rsv: 4 }), ask('b')], [echo('last'), answer('b')]],
        ['12.9.6', 'several blocks', [frame(Buffer.concat([pack(said('one')), TAIL, pack('two'), TAIL, pack('three')]), { rsv: 4 })], [echo('onetwothree')]],
        ['12.9.7', 'nothing, compressed', [frame([0], { rsv: 4 })], [closed(1008)]], // an empty command: whole, valid, unknown
        ['12.9.8', 'UTF-8', [packed(said('κόσμε 😀 €'))], [echo('κόσμε 😀 €')]],
        ['12.9.9', 'binary that is not UTF-8', [packed(said([0xff]), BINARY)], [refusal('The message is not valid UTF-8')]],
        ['12.9.10', 'a Close between its fragments', [frame(pack(said('x')).subarray(0, 5), { rsv: 4, fin: false }), frame([3, 0xe8], { opcode: OPCODE.close })], [closed(1000)]],
    ], options);

    const wrong = (number, what, frames, code) => [number, what, [ask('a'), frames, ping('never answered')].flat(), [answer('a'), closed(code)]];
    cases(suite, [
        wrong('12.10.1', 'RSV1 on a ping', ping('', { rsv: 4 }), 1002),
        wrong('12.10.2', 'RSV1 on a Close', frame('', { rsv: 4, opcode: OPCODE.close }), 1002),
        wrong('12.10.3', 'RSV1 on a continuation of a compressed message', [frame(pack(said('x')), { rsv: 4, fin: false }), last('', { rsv: 4 })], 1002),
        wrong('12.10.4', 'RSV1 on a continuation of a plain message', [begin('pipe'), last('', { rsv: 4 })], 1002),
        ...[1, 2, 3, 5, 6, 7].map((rsv) => wrong(`12.10.5.${rsv}`, `RSV ${rsv} on a text`, packed(asked('x'), { rsv }), 1002)),
        wrong('12.10.6', 'bytes that are not compressed', frame(asked('x'), { rsv: 4 }), 1007),
        wrong('12.10.7', 'a compressed text without its end', frame(pack(said(noise(500))).subarray(0, -9), { rsv: 4 }), 1007),
        wrong('12.10.8', 'a reference to what another message said', frame(Buffer.from([0x02, 0x07, 0x02, 0, 0]), { rsv: 4 }), 1007),
        wrong('12.10.9', 'a text that is not UTF-8', packed(said([0xc0, 0xaf])), 1007),
        wrong('12.10.10', 'a text that ends in the middle of a character', packed(said([0xe2, 0x82])), 1007),
    ], options);
    cases(suite, [
        ['12.11.1', 'a text that inflates to the bound', [packed(sized(300_000))], [sizedAnswer(300_000)]],
        ['12.11.2', 'a text that inflates to a byte more', [packed(sized(300_001))], [closed(1009)]],
        ['12.11.3', 'a bomb of 100 MB', [packed(Buffer.alloc(100_000_000, 'x'))], [closed(1009)]],
        ['12.11.4', 'a bomb in fragments', packedFrames(Buffer.alloc(100_000_000, 'x'), 1000), [closed(1009)]],
        ['12.11.5', 'a text of the bound that compression makes larger', [packed(sized(300_000), { zlib: { level: 0 } })], [sizedAnswer(300_000)]],
        ['12.11.6', 'a head that says it will be too large', [Buffer.concat([Buffer.from([0xc1, 0xff, 0, 0, 0, 0, 0, 5, 0, 0]), Buffer.alloc(4)])], [closed(1009)]],
    ], { ...options, chops: ['at once', 'frame by frame'] });
});

describe('13 agreeing', { concurrency: true }, () => {
    const suite = serverForSuite({ 'main.shards': 1 });
    const offers = [
        ['permessage-deflate', AGREED],
        ['permessage-deflate; client_max_window_bits', AGREED],
        ['permessage-deflate; client_max_window_bits=9', AGREED],
        ['permessage-deflate; client_no_context_takeover', AGREED],
        ['permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits', AGREED],
        ['permessage-deflate; server_max_window_bits=15', WINDOWED],
        ['permessage-deflate; server_max_window_bits=12; client_max_window_bits=12', WINDOWED],
        ['permessage-deflate; server_max_window_bits=11', ''],
        ['permessage-deflate; server_max_window_bits=8', ''],
        ['permessage-deflate; server_max_window_bits=16', ''],
        ['permessage-deflate; server_max_window_bits', ''],
        ['permessage-deflate; client_max_window_bits=7', ''],
        ['permessage-deflate; server_no_context_takeover=true', ''],
        ['permessage-deflate; client_no_context_takeover; client_no_context_takeover', ''],
        ['permessage-deflate; something_new', ''],
        ['permessage-deflate; server_max_window_bits=9, permessage-deflate', AGREED],
        ['permessage-deflate; something_new, permessage-deflate; server_max_window_bits=14', WINDOWED],
        ['x-webkit-deflate-frame, permessage-deflate', AGREED],
        ['x-webkit-deflate-frame', ''],
        [['x-first', 'permessage-deflate; server_max_window_bits=13'], WINDOWED],
    ];
    for (const [i, [offer, expected]] of offers.entries()) {
        test(`13.${i + 1} ${offer}`, async (t) => {
            const wire = new Wire(suite.at, { offer });
            t.after(() => wire.destroy());
            await wire.open();
            assert.equal(wire.extensions, expected);
            await wire.write(Buffer.concat([packed(asked('packed')), ask('plain')]));
            const first = await wire.nextFrame();
            if (expected === '') { // not agreed: RSV1 is an error
                assert.equal(first.payload.readUInt16BE(0), 1002);
                return;
            }
            assert.equal(JSON.parse(first.payload).marker, 'packed');
            assert.equal(JSON.parse((await wire.nextFrame()).payload).marker, 'plain');
        });
    }

    for (const value of ['permessage-deflate; =', 'permessage-deflate; server_max_window_bits="12', ';', 'permessage-deflate permessage-deflate']) {
        test(`a malformed header is a bad request: ${value}`, async (t) => {
            const wire = new Wire(suite.at, { offer: value });
            t.after(() => wire.destroy());
            await wire.connected;
            await wire.write(upgradeRequest(wire.path, { headers: wire.headers }));
            await wire.untilEnded();
            assert.match(wire.text(), /^HTTP\/1\.1 400 [^]*Sec-WebSocket-Extensions is malformed/);
        });
    }

    test('a Safari that breaks on it does not get it', async (t) => {
        const wire = new Wire(suite.at, { offer: ['permessage-deflate', 'x-y\r\nUser-Agent: Safari, Version/15.1'] });
        t.after(() => wire.destroy());
        assert.equal((await wire.open()).extensions, '');
    });

    test('a library before version 4 is not offered it', async (t) => {
        const wire = new Wire(suite.at, { offer: 'permessage-deflate', path: '/ws/sesion=&myid=&devid=0&v=3.1&uuid=&api=js' });
        t.after(() => wire.destroy());
        assert.equal((await wire.open()).extensions, '');
    });
});

describe('without compression', () => {
    const suite = serverForSuite({ 'ws.compression': 'off' });

    test('nothing is agreed, and the header is not looked at', async (t) => {
        for (const offer of ['permessage-deflate', 'permessage-deflate; =']) {
            const wire = new Wire(suite.at, { offer });
            t.after(() => wire.destroy());
            assert.equal((await wire.open()).extensions, '');
        }
    });
});
