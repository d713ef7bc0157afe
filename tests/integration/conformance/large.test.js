// RFC 6455, categories 9 and 10: large messages within the bound, what is past it, and messages in many frames.

import { describe } from 'node:test';
import { answer, ask, begin, cases, closed, inFrames, last, more, sized, sizedAnswer } from '../support/conformance.js';
import { frame, OPCODE } from '../support/raw.js';
import { serverForSuite } from '../support/server.js';

const K = 1024, M = K * K;
const BOUND = 4 * M;
const BINARY = { opcode: OPCODE.binary };
const message = (bytes) => Buffer.from(sized(bytes));

/** Only the head of a frame of `bytes` bytes. */
const headOf = (bytes, options) => {
    const head = frame('', { ...options, lengthForm: 64 });
    head.writeBigUInt64BE(BigInt(bytes), 2);
    return head;
};

describe('9 large messages', { concurrency: 4 }, () => {
    const suite = serverForSuite({ 'main.shards': 1, 'ws.max_message': BOUND });
    const few = { chops: ['at once', 'in sevens'] }; // in up to 600 pieces
    const once = { chops: ['at once'] };
    cases(suite, [64 * K, 256 * K, M, BOUND].flatMap((bytes, i) => [
        [`9.1.${i + 1}`, `a text of ${bytes} bytes`, [frame(sized(bytes))], [sizedAnswer(bytes)]],
        [`9.2.${i + 1}`, `a binary message of ${bytes} bytes`, [frame(sized(bytes), BINARY)], [sizedAnswer(bytes)]],
    ]), few);
    cases(suite, [64, 256, K, 4 * K, 16 * K, 64 * K, 256 * K, M].flatMap((size, i) => [
        [`9.3.${i + 1}`, `a text of 1 MB in frames of ${size} bytes`, inFrames(message(M), size), [sizedAnswer(M)]],
        [`9.4.${i + 1}`, `a binary message of 1 MB in frames of ${size} bytes`, inFrames(message(M), size, BINARY), [sizedAnswer(M)]],
    ]), once);
    cases(suite, [['9.5', 'a text of the bound in frames of 64 KB', inFrames(message(BOUND), 64 * K), [sizedAnswer(BOUND)]]], once);
    cases(suite, [0, 16, 64, 256, K].map((size, i) =>
        [`9.7.${i + 1}`, `1000 messages of ${size} bytes more`, Array.from({ length: 1000 }, () => frame(sized(40 + size))),
            Array.from({ length: 1000 }, () => sizedAnswer(40 + size))]), few);
    cases(suite, [
        ['9.9.1', 'a text of a byte more than the bound', [frame(sized(BOUND + 1))], [closed(1009)]],
        ['9.9.2', 'fragments that add up to a byte more', [...inFrames(message(BOUND), M).slice(0, -1), more('x'.repeat(M)), last('x')], [closed(1009)]],
        ['9.9.3', 'a head that says it will be too large', [headOf(BOUND + 1)], [closed(1009)]],
        ['9.9.4', 'a head of 2^62 bytes', [headOf(2n ** 62n)], [closed(1009)]],
        ['9.9.5', 'the head of a fragment that would be too much', [begin('x'), headOf(BOUND, { opcode: OPCODE.continuation })], [closed(1009)]],
        ['9.9.6', 'a small message, then one that is too large', [ask('a'), headOf(BOUND + 1)], [answer('a'), closed(1009)]],
    ], { chops: ['at once', 'frame by frame'] });
});

describe('10 many frames', { concurrency: 4 }, () => {
    const suite = serverForSuite({ 'main.shards': 1 });
    cases(suite, [
        ['10.1.1', 'a text of 65536 bytes in frames of 1300', inFrames(message(65536), 1300), [sizedAnswer(65536)]],
        ['10.1.2', 'a binary message of 65536 bytes in frames of 1300', inFrames(message(65536), 1300, BINARY), [sizedAnswer(65536)]],
        ['10.1.3', 'a text of 2000 bytes in frames of 1', inFrames(message(2000), 1), [sizedAnswer(2000)]],
        ['10.1.4', 'a text in frames of 125, 126 and 127', [125, 126, 127].flatMap((n) => inFrames(message(5000), n)),
            [sizedAnswer(5000), sizedAnswer(5000), sizedAnswer(5000)]],
    ]);
});
