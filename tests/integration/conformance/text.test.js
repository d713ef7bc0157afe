// RFC 6455, category 6: text is UTF-8, checked as it comes.

import { describe } from 'node:test';
import { answer, ask, begin, cases, closed, echo, inFrames, last, more, ping, ponged, said } from '../support/conformance.js';
import { frame } from '../support/raw.js';
import { serverForSuite } from '../support/server.js';

const hex = (digits) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
const text = (digits) => hex(digits).toString('utf8');

// 0 to 8: the numbers of Kuhn's file on the borders of UTF-8.
const VALID = {
    'greek': 'ce ba e1 bd b9 cf 83 ce bc ce b5',
    'the first of 1 byte': '00', 'the first of 2': 'c2 80', 'the first of 3': 'e0 a0 80', 'the first of 4': 'f0 90 80 80',
    'the last of 1 byte': '7f', 'the last of 2': 'df bf', 'the last of 3': 'ef bf bf', 'the last of all': 'f4 8f bf bf',
    'before the surrogates': 'ed 9f bf', 'behind the surrogates': 'ee 80 80', 'the replacement character': 'ef bf bd',
    'U+FFFE': 'ef bf be', 'U+FDD0': 'ef b7 90', 'U+1FFFE': 'f0 9f bf be', 'U+1FFFF': 'f0 9f bf bf', 'U+2FFFE': 'f0 af bf be',
    'U+8FFFF': 'f2 8f bf bf', 'U+FFFFF': 'f3 bf bf bf', 'U+10FFFE': 'f4 8f bf be', 'a byte order mark': 'ef bb bf 61',
};
const INVALID = {
    'greek and a surrogate': 'ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64',
    'a character of 5 bytes': 'f8 88 80 80 80', 'a character of 6 bytes': 'fc 84 80 80 80 80', 'the last of 5 bytes': 'fb bf bf bf bf',
    'the last of 6 bytes': 'fd bf bf bf bf bf', 'the first behind all': 'f4 90 80 80', 'f5': 'f5 80 80 80', 'f7': 'f7 bf bf bf',
    'a lone continuation 80': '80', 'a lone continuation bf': 'bf', 'two of them': '80 bf', 'five of them': '80 bf 80 bf 80',
    'all continuations': Buffer.from(Array.from({ length: 64 }, (_, i) => 0x80 + i)).toString('hex'),
    'all starts of 2 bytes, each with a space': Array.from({ length: 32 }, (_, i) => (0xc0 + i).toString(16) + '20').join(''),
    'all starts of 3 bytes, each with a space': Array.from({ length: 16 }, (_, i) => (0xe0 + i).toString(16) + '20').join(''),
    'all starts of 4 bytes, each with a space': Array.from({ length: 8 }, (_, i) => (0xf0 + i).toString(16) + '20').join(''),
    '2 bytes without their last': 'ce', '3 bytes without their last': 'e0 a0', '3 bytes with only their first': 'e1',
    '4 bytes without their last': 'f0 90 80', '4 bytes with only two': 'f0 90', '4 bytes with only their first': 'f1',
    '5 bytes without their last': 'f8 88 80 80', '6 bytes without their last': 'fc 84 80 80 80', 'two halves': 'ce ce ba',
    'fe': 'fe', 'ff': 'ff', 'fe and ff': 'fe fe ff ff',
    'an overlong slash in 2 bytes': 'c0 af', 'in 3': 'e0 80 af', 'in 4': 'f0 80 80 af', 'in 5': 'f8 80 80 80 af', 'in 6': 'fc 80 80 80 80 af',
    'the last overlong of 2 bytes': 'c1 bf', 'of 3': 'e0 9f bf', 'of 4': 'f0 8f bf bf', 'of 5': 'f8 87 bf bf bf', 'of 6': 'fc 83 bf bf bf bf',
    'an overlong NUL in 2 bytes': 'c0 80', 'a NUL in 3': 'e0 80 80', 'a NUL in 4': 'f0 80 80 80',
    'the surrogate D800': 'ed a0 80', 'DB7F': 'ed ad bf', 'DB80': 'ed ae 80', 'DBFF': 'ed af bf', 'DC00': 'ed b0 80', 'DF80': 'ed be 80',
    'DFFF': 'ed bf bf', 'the pair D800 DC00': 'ed a0 80 ed b0 80', 'DB7F DFFF': 'ed ad bf ed bf bf', 'DBFF DFFF': 'ed af bf ed bf bf',
};

describe('6 text', { concurrency: true }, () => {
    const suite = serverForSuite({ 'main.shards': 1 });
    const greek = hex(VALID.greek);

    cases(suite, Object.entries(VALID).flatMap(([what, digits], i) => [
        [`6.2.${i + 1}a`, what, frame(said(hex(digits))), [echo(text(digits))]],
        [`6.2.${i + 1}b`, `${what}, each byte a fragment`, inFrames(said(hex(digits)), 1), [echo(text(digits))]],
        [`6.2.${i + 1}c`, `${what}, between letters`, frame(said(Buffer.concat([Buffer.from('a'), hex(digits), Buffer.from('z')]))),
            [echo(`a${text(digits)}z`)]],
    ]));
    cases(suite, Object.entries(INVALID).flatMap(([what, digits], i) => [
        [`6.3.${i + 1}a`, what, frame(said(hex(digits))), [closed(1007)]],
        [`6.3.${i + 1}b`, `${what}, each byte a fragment`, inFrames(said(hex(digits)), 1), [closed(1007)]],
        [`6.3.${i + 1}c`, `${what}, behind a good message, with a ping behind it`, [ask('a'), frame(hex(digits)), ping()], [answer('a'), closed(1007)]],
    ]));

    // Fail fast: the message is not complete when it is refused.
    const bad = Object.entries(INVALID).filter(([what]) => !/without|with only|halves/.test(what));
    cases(suite, bad.flatMap(([what, digits], i) => [
        [`6.4.${i + 1}a`, `${what} in the first fragment, of which there is no second`, [begin(said(hex(digits)))], [closed(1007)]],
        [`6.4.${i + 1}b`, `${what} in the second fragment, of three`, [begin(said(greek)), more(hex(digits))], [closed(1007)]],
        [`6.4.${i + 1}c`, `${what} in the middle of a frame whose end never comes`,
            [frame(said(Buffer.concat([greek, hex(digits), Buffer.alloc(100, 'x')]))).subarray(0, -50)], [closed(1007)]],
    ]));

    cases(suite, [
        ['6.1.1', 'a text between empty fragments', [begin(''), more(said(greek)), last('')], [echo(greek.toString())]],
        ['6.5.1', 'a character split by a ping', [begin(said(greek.subarray(0, 1))), ping('p'), last(greek.subarray(1))], [ponged('p'), echo(greek.toString())]],
        ['6.5.2', 'a character split by an empty fragment', [begin(said(greek.subarray(0, 3))), more(''), last(greek.subarray(3))], [echo(greek.toString())]],
        ['6.5.3', 'a message that ends in the middle of a character', [begin(said(greek.subarray(0, 3))), last('')], [closed(1007)]],
        ['6.5.4', 'the check begins anew with each message', [begin('pipe_count\nweb_fence\na\n'), last(''), frame(said(greek))], [answer('a'), echo(greek.toString())]],
        ['6.5.5', 'a ping need not be UTF-8, not even inside a text', [begin(said('a')), ping(hex('ff c0')), last('b')], [ponged(hex('ff c0')), echo('ab')]],
    ]);
});
