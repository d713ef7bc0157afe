// RFC 6455, category 7: the closing handshake.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer, ask, begin, cases, close, closed, last, ping, ponged, say, Wire } from '../support/conformance.js';
import { frame, OPCODE } from '../support/raw.js';
import { serverForSuite, serverForTest, startServer } from '../support/server.js';

const VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4001, 4999];
const INVALID = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32768, 65535];
const LONGEST = 'x'.repeat(123);

describe('7 closing', { concurrency: true }, () => {
    const suite = serverForSuite({ 'main.shards': 1 });
    cases(suite, [
        ['7.1.1', 'a question, then a Close', [ask('a'), close(1000)], [answer('a'), closed(1000)]],
        ['7.1.2', 'two Closes', [close(1000), close(1001)], [closed(1000)]],
        ['7.1.3', 'a ping behind a Close', [close(1000), ping()], [closed(1000)]],
        ['7.1.4', 'a text behind a Close', [close(1000), ask('x')], [closed(1000)]],
        ['7.1.5', 'a Close between fragments, and the rest behind it', [begin('pipe_count\n'), close(1000), last('web_fence\nx\n')], [closed(1000)]],
        ['7.1.6', 'a large message, a Close, a ping', [say('x'.repeat(200_000)), ask('a'), close(1000), ping()], [{ echo: 'x'.repeat(200_000) }, answer('a'), closed(1000)]],
        ['7.1.7', 'a ping, then a Close', [ping('p'), close(1000)], [ponged('p'), closed(1000)]],
        ['7.3.1', 'a Close without a body', close(), [closed(null)]],
        ['7.3.2', 'a Close of 1 byte', frame('a', { opcode: OPCODE.close }), [closed(1002)]],
        ['7.3.3', 'a Close with a code', close(1000), [closed(1000)]],
        ['7.3.4', 'a Close with a code and a reason', close(1000, 'Hello World!'), [closed(1000)]],
        ['7.3.5', 'a Close with the longest reason', close(1000, LONGEST), [closed(1000)]],
        ['7.3.6', 'a Close with a reason that is too long', close(1000, `${LONGEST}y`), [closed(1002)]],
        ['7.3.7', 'a Close with an umlaut in its reason', close(1000, 'Tschüß'), [closed(1000)]],
        ['7.5.1', 'a reason that is not UTF-8', close(1000, Buffer.from('cebae1bdb9cf83cebcceb5eda080656469746564', 'hex')), [closed(1007)]],
        ['7.5.2', 'a reason that ends in the middle of a character', close(1000, Buffer.from([0xe2, 0x82])), [closed(1007)]],
        ['7.6.1', 'a Close with a length in 16 bits', close(1000, '', { lengthForm: 16 }), [closed(1002)]],
        ...VALID.map((code) => [`7.7.${code}`, `code ${code}`, close(code), [closed(code)]]),
        ...VALID.map((code) => [`7.8.${code}`, `code ${code} with a reason`, close(code, 'why'), [closed(code)]]),
        ...INVALID.map((code) => [`7.9.${code}`, `code ${code}`, close(code), [closed(1002)]]),
        ...INVALID.map((code) => [`7.13.${code}`, `code ${code} with a reason`, close(code, 'why'), [closed(1002)]]),
    ]);
});

describe('ends that the server begins', () => {
    const codeOf = (f) => (f.opcode === OPCODE.close ? f.payload.readUInt16BE(0) : null);

    async function nextCode(wire) {
        for (;;) {
            const code = codeOf(await wire.nextFrame());
            if (code !== null) {
                await wire.untilEnded();
                return code;
            }
        }
    }

    async function wireTo(t, server, options) {
        const wire = new Wire(server, options);
        t.after(() => wire.destroy());
        return wire.open();
    }

    test('a command that is unknown is against the policy: 1008', async (t) => {
        const wire = await wireTo(t, await serverForTest(t));
        await wire.write(frame('make coffee'));
        assert.equal(await nextCode(wire), 1008);
    });

    test('a server that ends says 1012 to our client, and nothing to the classic one', async (t) => {
        const server = await startServer();
        const ours = await wireTo(t, server);
        const classic = await wireTo(t, server, { path: ours.path.replace('api=encke', 'api=js') });
        const stopped = server.stop();
        assert.equal(await nextCode(ours), 1012);
        await classic.untilEnded();
        assert.equal(classic.received.length, classic.at);
        await stopped;
    });

    test('the classic protocol drops the connection where ours gets a code', async (t) => {
        const server = await serverForTest(t);
        for (const bytes of [close(1000), frame('x', { opcode: 3 }), frame([0xff]), frame('make coffee')]) {
            const wire = await wireTo(t, server, { path: '/ws/sesion=&myid=&devid=0&v=4.08&uuid=&api=js' });
            await wire.write(bytes);
            await wire.untilEnded();
            assert.equal(wire.received.length, wire.at);
        }
    });
});
