// Compression where it is used: a page in Chromium, libraries and bare sockets in one channel, each in the form it agreed to.
//
// ENCKE_CHROMIUM names another browser than Debian's.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import { chromium } from 'playwright-core';
import { RawVisitor, rawVisit } from './support/raw.js';
import { serverForSuite } from './support/server.js';
import { newUuid, urlPath, visit } from './support/visitor.js';
import { DEADLINE_MS, until, within } from './support/wait.js';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
               '--disable-sync'];
const DEFLATE = { connection: { perMessageDeflate: true } };

/** `bytes` bytes of text that a compressor likes. */
const story = (bytes) => 'To whom it may concern: \u{1F600} привет, order number '.repeat(bytes / 60 + 1).slice(0, bytes);

/** Bytes of the frames a raw visitor that agreed to compression got, and their texts. parseFrames would refuse RSV1, as it should. */
function packedTexts(bytes) {
    const texts = [];
    for (let at = 0; bytes.length - at >= 2;) {
        const short = bytes[at + 1] & 0x7f;
        const head = short < 126 ? 2 : short === 126 ? 4 : 10;
        const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
        if (bytes.length < at + head + length) {
            break;
        }
        const payload = bytes.subarray(at + head, at + head + length);
        const isPacked = (bytes[at] & 0x40) !== 0;
        assert.equal(bytes[at] & 0xb0, 0x80, 'whole, and no other reserved bit');
        assert.ok(!isPacked || (bytes[at] & 15) < 8, 'no control frame is compressed');
        texts.push({ isPacked, bytes: head + length,
                     text: (isPacked ? zlib.inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]),
                                                           { finishFlush: zlib.constants.Z_SYNC_FLUSH, windowBits: 12 }) : payload).toString() });
        at += head + length;
    }
    return texts;
}

describe('compression and limits', () => {
    const suite = serverForSuite({ 'limits.exempt': '', 'limits.bytes': '1M', 'limits.messages': 0 });

    test('what inflates to too much in a second is too much', async (t) => {
        const visitor = await visit(t, suite.at, DEFLATE);
        for (let i = 0; i < 40; i++) { // 4 MB in 40 KB
            visitor.send('web_pipe2', 'web_much', 'e', '*', 'x'.repeat(100_000));
        }
        await within(visitor.ended, 'the end of the connection');
        assert.ok(visitor.texts.some((text) => text.includes('429')), visitor.texts.join('\n').slice(0, 500));
    });
});

describe('compression', () => {
    const suite = serverForSuite({ 'main.shards': 2, 'ws.compression_min': 256 });
    let browser;
    before(async () => {
        browser = await chromium.launch({ executablePath: process.env.ENCKE_CHROMIUM || '/usr/bin/chromium', args: FLAGS });
    });
    after(async () => {
        await browser?.close();
    });

    const counter = async (name) => Number((await suite.at.query(`SHOW GLOBAL STATUS LIKE '${name}'`))[0].Value);

    /** A page with a WebSocket whose frames are in `window.heard`, subscribed to `channel`. */
    async function openPage(t, channel) {
        const context = await browser.newContext();
        t.after(() => context.close());
        const page = await context.newPage();
        page.setDefaultTimeout(DEADLINE_MS * 2);
        await page.goto(`${suite.at.http}/`);
        await page.evaluate(async ([url, name]) => {
            window.heard = [];
            window.socket = new WebSocket(url);
            window.socket.onmessage = (event) => window.heard.push(JSON.parse(event.data));
            await new Promise((resolve, reject) => Object.assign(window.socket, { onopen: resolve, onerror: reject }));
            window.socket.send(`subscription\n${name}`);
        }, [`${suite.at.ws}${urlPath({ uuid: newUuid() })}`, channel]);
        return page;
    }

    const heardOn = (page, channel) => page.evaluate((name) => window.heard.filter((f) => f.pipe === name).map((f) => f.data), channel);

    test('a page in Chromium agrees to it, and hears and says what it should', async (t) => {
        const page = await openPage(t, 'web_page');
        assert.match(await page.evaluate(() => window.socket.extensions),
                     /^permessage-deflate; server_no_context_takeover; client_no_context_takeover$/);
        await suite.at.untilCount('web_page', 1);
        const texts = [0, 1, 100, 1000, 20_000, 300_000].map(story);
        const before = await counter('deflated_messages');
        for (const text of texts) {
            await suite.at.publish('web_page', 'e', text);
        }
        await until(async () => (await heardOn(page, 'web_page')).length === texts.length, 'all messages');
        assert.deepEqual(await heardOn(page, 'web_page'), texts);
        assert.equal(await counter('deflated_messages') - before, 3, 'the small ones are not compressed');

        const listener = await visit(t, suite.at);
        await listener.subscribe('web_back');
        const inflated = await counter('inflated_messages');
        for (const text of texts.slice(1)) {
            await page.evaluate((words) => window.socket.send(words), `web_pipe2\nweb_back\ne\n*\n${text}`);
            assert.equal((await listener.on('web_back')).data, text);
        }
        assert.ok(await counter('inflated_messages') > inflated, 'the page compresses, too');
    });

    test('a message is compressed once for all who agreed, and everybody else gets it as it is', async (t) => {
        const [plain, packed] = [[], []];
        for (let i = 0; i < 6; i++) {
            plain.push(await visit(t, suite.at, { connection: { perMessageDeflate: false } }));
            packed.push(await visit(t, suite.at, DEFLATE));
        }
        const raw = await rawVisit(t, suite.at);
        const rawPacked = new RawVisitor(suite.at, { headers: ['Sec-WebSocket-Extensions: permessage-deflate'] });
        t.after(() => rawPacked.destroy());
        const old = await visit(t, suite.at, { version: '3.1', ...DEFLATE });
        const page = await openPage(t, 'web_mixed');
        await rawPacked.open();
        await Promise.all([...plain, ...packed, old].map((visitor) => visitor.subscribe('web_mixed')));
        for (const one of [raw, rawPacked]) {
            await one.command('subscription', 'web_mixed');
        }
        await suite.at.untilCount('web_mixed', 16);
        assert.ok(plain.every((visitor) => visitor.socket.extensions === ''));
        assert.ok(packed.every((visitor) => visitor.socket.extensions === 'permessage-deflate'));
        assert.equal(old.socket.extensions, '');

        const before = [await counter('deflated_messages'), await counter('deflated_saved_bytes')];
        const text = story(5000);
        await suite.at.publish('web_mixed', 'e', text);
        for (const visitor of [...plain, ...packed, old]) {
            assert.equal((await visitor.on('web_mixed')).data, text);
        }
        await until(async () => (await heardOn(page, 'web_mixed')).length === 1, 'the page');
        assert.deepEqual(await heardOn(page, 'web_mixed'), [text]);
        assert.equal((await raw.nextText((f) => f.pipe === 'web_mixed')).data, text); // fails on a reserved bit
        const mine = await until(() => packedTexts(rawPacked.received.subarray(rawPacked.body)).find((f) => f.text.includes('web_mixed')), 'the frame');
        assert.ok(mine.isPacked && mine.bytes < 1000);
        assert.equal(JSON.parse(mine.text).data, text);
        assert.equal(await counter('deflated_messages') - before[0], 1);
        assert.ok(await counter('deflated_saved_bytes') - before[1] > 4000);
    });

    test('a listener who is the first to want it hears what was on its way', async (t) => {
        const plain = await visit(t, suite.at, { connection: { perMessageDeflate: false } });
        await plain.subscribe('web_late');
        const late = await visit(t, suite.at, DEFLATE);
        late.send('subscription', 'web_late');
        const texts = Array.from({ length: 200 }, (_, i) => `${i} ${story(600)}`);
        await Promise.all(texts.map((text) => suite.at.publish('web_late', 'e', text)));
        for (const text of texts) {
            assert.equal((await plain.on('web_late')).data, text);
        }
        await late.fence();
        const heard = late.takeAll().filter((f) => f.pipe === 'web_late').map((f) => f.data);
        assert.deepEqual(heard, heard.length > 0 ? texts.slice(-heard.length) : []);
    });

    test('a burst to slow and quick readers arrives whole', async (t) => {
        const visitors = await Promise.all(Array.from({ length: 8 }, (_, i) => visit(t, suite.at, i % 2 ? DEFLATE : {})));
        await Promise.all(visitors.map((visitor) => visitor.subscribe('web_burst')));
        const texts = Array.from({ length: 500 }, (_, i) => `${i} ${i % 3 ? story(i * 7) : i}`);
        visitors[1].socket.pause();
        await Promise.all(texts.map((text) => suite.at.publish('web_burst', 'e', text)));
        visitors[1].socket.resume();
        for (const visitor of visitors) {
            for (const text of texts) {
                assert.equal((await visitor.on('web_burst')).data, text);
            }
        }
    });

    test('the protocol of a connection is the same in both forms', async (t) => {
        const visitors = [await visit(t, suite.at, { connection: { perMessageDeflate: false } }), await visit(t, suite.at, DEFLATE)];
        const rows = await suite.at.query('SELECT uuid, protocol FROM connections');
        assert.deepEqual(visitors.map((visitor) => rows.find((row) => row.uuid === visitor.uuid).protocol), ['classic', 'classic']);
    });
});
