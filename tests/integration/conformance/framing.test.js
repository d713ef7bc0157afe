// RFC 6455, categories 1 to 5: framing, pings and pongs, reserved bits, opcodes, fragments.

import { describe } from 'node:test';
import { answer, ask, asked, begin, cases, closed, echo, inFrames, last, more, ping, pong, ponged, refusal, said, say, sized,
         sizedAnswer } from '../support/conformance.js';
import { frame, OPCODE } from '../support/raw.js';
import { serverForSuite } from '../support/server.js';

const SIZES = [125, 126, 127, 128, 65535, 65536];
const BINARY = { opcode: OPCODE.binary };
const EMPTY_COMMAND = closed(1008); // an empty message is a whole, valid one; the protocol above knows no empty command

describe('1 framing', { concurrency: true }, () => {
    const suite = serverForSuite({ 'main.shards': 1 });
    cases(suite, [
        ['1.1.1', 'a text of 0 bytes', frame(''), [EMPTY_COMMAND]],
        ...SIZES.map((size, i) => [`1.1.${i + 2}`, `a text of ${size} bytes`, frame(sized(size)), [sizedAnswer(size)]]),
        ['1.1.8', 'two texts of 65536 bytes', [frame(sized(65536)), frame(sized(65536))], [sizedAnswer(65536), sizedAnswer(65536)]],
        ['1.2.1', 'a binary message of 0 bytes', frame('', BINARY), [EMPTY_COMMAND]],
        ...SIZES.map((size, i) => [`1.2.${i + 2}`, `a binary message of ${size} bytes`, frame(sized(size), BINARY), [sizedAnswer(size)]]),
        ['1.2.8', 'a binary message need not be UTF-8 for this layer', [frame(said([0xff]), BINARY), ask('after')],
            [refusal('The message is not valid UTF-8'), answer('after')]],
        ['1.3.1', 'an unmasked text', frame(asked('x'), { mask: null }), [closed(1002)]],
        ['1.3.2', 'an unmasked empty text', frame('', { mask: null }), [closed(1002)]],
        ['1.3.3', 'an unmasked ping', ping('', { mask: null }), [closed(1002)]],
        ['1.3.4', 'an unmasked Close', frame('', { mask: null, opcode: OPCODE.close }), [closed(1002)]],
        ['1.3.5', 'an unmasked frame behind a good one', [ask('a'), frame(asked('x'), { mask: null }), ping()], [answer('a'), closed(1002)]],
        ...[[0, 0, 0, 0], [255, 255, 255, 255], [1, 2, 3, 4], [0x80, 0, 0, 0]].map((mask, i) =>
            [`1.4.${i + 1}`, `the mask ${mask}`, [say('masked €', { mask }), ask('a', { mask })], [echo('masked €'), answer('a')]]),
        ['1.5.1', 'a length in 16 bits where 7 do', frame(asked('x'), { lengthForm: 16 }), [closed(1002)]],
        ['1.5.2', 'a length in 64 bits where 7 do', frame(asked('x'), { lengthForm: 64 }), [closed(1002)]],
        ['1.5.3', 'a length in 64 bits where 16 do', frame(sized(1000), { lengthForm: 64 }), [closed(1002)]],
        ['1.5.4', 'a length with its highest bit set', Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4]), [closed(1002)]],
        ['1.5.5', 'an empty text with a length in 16 bits', frame('', { lengthForm: 16 }), [closed(1002)]],
    ]);
});

describe('2 pings and pongs', { concurrency: true }, () => {
    const suite = serverForSuite({ 'main.shards': 1 });
    const odd = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff]);
    const ten = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
    cases(suite, [
        ['2.1', 'an empty ping', ping(), [ponged()]],
        ['2.2', 'a ping with a text', ping('Hello, world!'), [ponged('Hello, world!')]],
        ['2.3', 'a ping with bytes that are no text', ping(odd), [ponged(odd)]],
        ['2.4', 'a ping of 125 bytes', ping(Buffer.alloc(125, 0xfe)), [ponged(Buffer.alloc(125, 0xfe))]],
        ['2.5', 'a ping of 126 bytes', ping(Buffer.alloc(126, 0xfe)), [closed(1002)]],
        ['2.6', 'pings of 1 to 125 bytes', Array.from({ length: 125 }, (_, i) => ping('x'.repeat(i + 1))),
            Array.from({ length: 125 }, (_, i) => ponged('x'.repeat(i + 1)))],
        ['2.7', 'an empty pong that nobody asked for', pong(), []],
        ['2.8', 'a pong with a payload that nobody asked for', pong('unasked'), []],
        ['2.9', 'a pong that nobody asked for, then a ping', [pong('unasked'), ping('asked')], [ponged('asked')]],
        ['2.10', 'ten pings', ten.map((p) => ping(p)), ten.map((p) => ponged(p))],
        ['2.11', 'a pong of 126 bytes', pong(Buffer.alloc(126)), [closed(1002)]],
        ['2.12', 'a ping with a length in 16 bits', ping('short', { lengthForm: 16 }), [closed(1002)]],
        ['2.13', 'a ping behind a question', [ask('first'), ping('second'), ask('third')], [answer('first'), ponged('second'), answer('third')]],
    ]);
});

describe('3 reserved bits', { concurrency: true }, () => {
    const suite = serverForSuite({ 'main.shards': 1 });
    const before = [ask('first')];
    cases(suite, [
        ...[1, 2, 3, 4, 5, 6, 7].map((rsv) => [`3.1.${rsv}`, `RSV ${rsv} on a text`, frame(asked('x'), { rsv }), [closed(1002)]]),
        ...[1, 2, 3, 4, 5, 6, 7].map((rsv) => [`3.2.${rsv}`, `RSV ${rsv} on a text behind a good one, with a ping behind it`,
            [...before, frame(asked('x'), { rsv }), ping()], [answer('first'), closed(1002)]]),
        ['3.5', 'RSV 5 on a binary message', frame(asked('x'), { rsv: 5, ...BINARY }), [closed(1002)]],
        ...[1, 2, 4, 6].map((rsv) => [`3.6.${rsv}`, `RSV ${rsv} on a ping`, ping('x', { rsv }), [closed(1002)]]),
        ...[1, 2, 4, 7].map((rsv) => [`3.7.${rsv}`, `RSV ${rsv} on a Close`, frame('', { rsv, opcode: OPCODE.close }), [closed(1002)]]),
        ...[1, 2, 4].map((rsv) => [`3.8.${rsv}`, `RSV ${rsv} on a continuation`, [begin('pipe_'), last(asked('x'), { rsv })], [closed(1002)]]),
        ...[1, 2, 4].map((rsv) => [`3.9.${rsv}`, `RSV ${rsv} on a pong`, pong('', { rsv }), [closed(1002)]]),
    ]);
});

describe('4 opcodes', { concurrency: true }, () => {
    const suite = serverForSuite({ 'main.shards': 1 });
    cases(suite, [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
        [`4.${opcode}.1`, `opcode ${opcode}, empty`, frame('', { opcode }), [closed(1002)]],
        [`4.${opcode}.2`, `opcode ${opcode} with a payload`, frame('reserved', { opcode }), [closed(1002)]],
        [`4.${opcode}.3`, `opcode ${opcode} behind a good message, with a ping behind it`, [ask('first'), frame('', { opcode }), ping()],
            [answer('first'), closed(1002)]],
        [`4.${opcode}.4`, `opcode ${opcode} with a payload inside a fragmented message`,
            [begin('pipe_'), frame('reserved', { opcode }), last('count')], [closed(1002)]],
    ]));
});

describe('5 fragments', { concurrency: true }, () => {
    const suite = serverForSuite({ 'main.shards': 1 });
    const [one, two] = [said('fragment1'), Buffer.from('fragment2')];
    const whole = echo('fragment1fragment2');
    cases(suite, [
        ['5.1', 'a ping in two fragments', [ping('fragment1', { fin: false }), last('fragment2')], [closed(1002)]],
        ['5.2', 'a pong in two fragments', [pong('fragment1', { fin: false }), last('fragment2')], [closed(1002)]],
        ['5.3', 'a text in two fragments', [begin(one), last(two)], [whole]],
        ['5.4', 'a text in three, one of them empty', [begin(one), more(''), last(two)], [whole]],
        ['5.5', 'a binary message in two fragments', [begin(one, BINARY), last(two)], [whole]],
        ['5.6', 'a text in two fragments, a ping between them', [begin(one), ping('between'), last(two)], [ponged('between'), whole]],
        ['5.7', 'a text in two fragments, a pong between them', [begin(one), pong('between'), last(two)], [whole]],
        ['5.8', 'pings between and behind fragments', [begin(one), ping('1'), more(''), ping('2'), last(two), ping('3')],
            [ponged('1'), ponged('2'), whole, ponged('3')]],
        ['5.9', 'a continuation of nothing, final, with a text behind it', [last('nothing'), ask('x')], [closed(1002)]],
        ['5.10', 'a continuation of nothing, not final', [more('nothing'), ask('x')], [closed(1002)]],
        ['5.11', 'an empty continuation of nothing', [last('')], [closed(1002)]],
        ['5.12', 'a continuation behind a whole text', [ask('a'), last('nothing')], [answer('a'), closed(1002)]],
        ['5.13', 'a continuation behind a whole text, not final', [ask('a'), more('nothing'), ask('b')], [answer('a'), closed(1002)]],
        ['5.14', 'a continuation behind a fragmented text', [begin('pipe_count\n'), last('web_fence\na\n'), last('x')], [answer('a'), closed(1002)]],
        ['5.15', 'a text that begins inside a text', [begin(one), say('x')], [closed(1002)]],
        ['5.16', 'a text that begins inside a text, not final', [begin(one), begin('x'), last('y')], [closed(1002)]],
        ['5.17', 'a binary message that begins inside a text', [begin(one), say('x', BINARY)], [closed(1002)]],
        ['5.18', 'a text that begins inside a binary message', [begin(one, BINARY), say('x')], [closed(1002)]],
        ['5.19', 'five fragments, pings in between, twice', [1, 2].flatMap((n) => [
            begin(`pipe_count\n`), ping('a'), more('web_'), more('fence\n'), ping('b'), more(`m${n}`), last('\n')]),
            [ponged('a'), ponged('b'), answer('m1'), ponged('a'), ponged('b'), answer('m2')]],
        ['5.20', 'each byte a fragment', inFrames(said('fragment1fragment2'), 1), [whole]],
        ['5.21', 'empty fragments before and behind', [begin(''), more(''), more(said('x')), more(''), last('')], [echo('x')]],
        ['5.22', 'nothing but empty fragments', [begin(''), more(''), last('')], [EMPTY_COMMAND]],
        ['5.23', 'a Close between fragments', [begin(one), frame('', { opcode: OPCODE.close })], [closed(null)]],
        ['5.24', 'a fragmented Close', [frame('', { opcode: OPCODE.close, fin: false }), last('')], [closed(1002)]],
    ]);
});
