// The demo page in a real browser: what a SQL client inserts appears, two pages talk, presence follows a page that closes.
//
// ENCKE_CHROMIUM names another browser than Debian's; ENCKE_SCREENSHOT=1 writes docs/images/demo.png.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { ROOT, serverForSuite, serverForTest, startServer } from './support/server.js';
import { DEADLINE_MS, until } from './support/wait.js';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
               '--disable-sync'];

/** A proxy that adds a policy to every answer: its port. (To a page that playwright itself answers, Chromium refuses local sockets.) */
async function withPolicy(t, port, policy) {
    const target = { host: '127.0.0.1', port };
    const server = http.createServer((request, response) => {
        request.pipe(http.request({ ...target, method: request.method, path: request.url, headers: request.headers }, (answer) => {
            response.writeHead(answer.statusCode, { ...answer.headers, 'content-security-policy': policy });
            answer.pipe(response);
        }));
    });
    server.on('upgrade', (request, socket, head) => {
        const upstream = net.connect(target, () => {
            const lines = request.rawHeaders.map((word, i) => (i % 2 === 0 ? `${word}: ` : `${word}\r\n`));
            upstream.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
            upstream.write(head);
            socket.pipe(upstream).pipe(socket);
        });
        for (const [one, other] of [[socket, upstream], [upstream, socket]]) {
            one.on('error', () => {}).on('close', () => other.destroy());
        }
    });
    t.after(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return server.address().port;
}

describe('the demo page', () => {
    const suite = serverForSuite();
    let browser;
    before(async () => {
        browser = await chromium.launch({ executablePath: process.env.ENCKE_CHROMIUM || '/usr/bin/chromium', args: FLAGS });
    });
    after(async () => {
        await browser?.close();
    });

    /** A page of a visitor of its own, open and connected. */
    async function openPage(t, options = {}, server = suite.at) {
        const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
        t.after(() => context.close());
        const page = await context.newPage();
        page.setDefaultTimeout(DEADLINE_MS * 2);
        page.complaints = [];
        page.on('console', (message) => message.type() === 'error' && page.complaints.push(message.text()));
        page.on('pageerror', (error) => page.complaints.push(String(error)));
        page.on('requestfailed', (request) => page.complaints.push(`${request.url()} failed`));
        page.on('response', (response) => response.status() >= 400 && page.complaints.push(`${response.url()}: ${response.status()}`));
        await page.goto(`${server.http}/`);
        await page.waitForFunction(() => /connected|online/i.test(document.querySelector('#state')?.textContent ?? '')
                                         && !/dis|not /i.test(document.querySelector('#state').textContent));
        return page;
    }

    const shows = (page, selector, text) =>
        page.waitForFunction(([where, what]) => document.querySelector(where)?.textContent.includes(what), [selector, text]);

    const say = async (page, text, name) => {
        if (name) {
            await page.fill('#chat-name', name);
        }
        await page.fill('#chat-input', text);
        await page.press('#chat-input', 'Enter');
    };

    const watch = async (page, channel) => {
        await page.fill('#watch-input', channel);
        await page.press('#watch-input', 'Enter');
        await until(async () => await suite.at.count(channel) >= 1, `the page to watch ${channel}`);
    };

    test('shows what a SQL client inserts', async (t) => {
        const page = await openPage(t);
        await watch(page, 'web_orders');
        await suite.at.publish('web_orders', 'paid', '{"order":17,"note":"привет <b>from SQL</b> & more"}');
        await shows(page, '#watch-log', 'привет <b>from SQL</b> & more');
        await shows(page, '#watch-log', 'paid');
        assert.deepEqual(page.complaints, []);
    });

    test('two pages talk to each other', async (t) => {
        const [anna, boris] = [await openPage(t), await openPage(t)];
        await say(anna, "hello, it's \"Anna\" <script>alert(1)</script>", 'Anna');
        await shows(boris, '#chat-log', "hello, it's \"Anna\" <script>alert(1)</script>");
        await shows(boris, '#chat-log', 'Anna');
        await shows(anna, '#chat-log', "hello, it's \"Anna\"");
        await say(boris, 'hi Anna 😀', 'Boris');
        await shows(anna, '#chat-log', 'hi Anna 😀');
        assert.equal(await anna.evaluate(() => document.querySelector('#chat-log').textContent.split('hi Anna 😀').length - 1), 1, 'once');
        assert.deepEqual([...anna.complaints, ...boris.complaints], []);
    });

    test('the presence list follows a page that closes', async (t) => {
        const stays = await openPage(t);
        const count = () => stays.evaluate(() => document.querySelector('#presence-list').children.length);
        await until(async () => await count() === 1, 'one page in the list');
        const goes = await openPage(t);
        await until(async () => await count() === 2, 'two pages in the list');
        await goes.close();
        await until(async () => await count() === 1, 'one page in the list again');
        assert.deepEqual(stays.complaints, []);
    });

    test('shows live figures', async (t) => {
        const page = await openPage(t);
        await page.waitForFunction(() => /\d/.test(document.querySelector('#figures')?.textContent ?? ''));
        const before = await page.textContent('#figures');
        for (let i = 0; i < 25; i++) {
            await suite.at.publish('web_figures', 'e', 'x');
        }
        await page.waitForFunction((old) => document.querySelector('#figures').textContent !== old, before);
        assert.deepEqual(page.complaints, []);
    });

    test('works under a strict content security policy', async (t) => {
        const port = await withPolicy(t, suite.at.wsPort, "default-src 'self'; connect-src 'self' ws: wss:");
        const page = await browser.newPage();
        t.after(() => page.close());
        const complaints = [];
        page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
        page.on('pageerror', (error) => complaints.push(String(error)));
        await page.goto(`http://127.0.0.1:${port}/`);
        // Not waitForFunction: it evaluates text inside the page, which the policy forbids.
        const untilText = (selector, text) => until(async () => text.test(await page.textContent(selector)), `${selector} to say ${text}`);
        await untilText('#state', /^connected$/);
        await watch(page, 'web_policy');
        await suite.at.publish('web_policy', 'e', 'heard');
        await untilText('#watch-log', /heard/);
        await untilText('#figures', /\d/);
        assert.deepEqual(complaints, []);
    });

    test('says that it is reconnecting, and comes back', async (t) => {
        const server = await startServer();
        const page = await openPage(t, {}, server);
        await server.stop();
        await shows(page, '#state', 'reconnecting');
        await serverForTest(t, { 'ws.port': server.wsPort });
        await page.waitForFunction(() => document.querySelector('#state').textContent === 'connected');
        await page.waitForFunction(() => document.querySelector('#presence-list').children.length === 1);
    });

    test('fits a phone, in light and in dark', async (t) => {
        const colours = [];
        for (const colorScheme of ['light', 'dark']) {
            const page = await openPage(t, { viewport: { width: 375, height: 700 }, colorScheme, isMobile: true, hasTouch: true });
            const { wide, inner, colour } = await page.evaluate(() => ({
                wide: document.documentElement.scrollWidth, inner: window.innerWidth, colour: getComputedStyle(document.body).backgroundColor }));
            assert.ok(wide <= inner + 1, `${wide} pixels on a screen of ${inner}`);
            colours.push(colour);
            assert.deepEqual(page.complaints, []);
        }
        assert.notEqual(colours[0], colours[1]);
    });

    test('a picture for the README', { skip: process.env.ENCKE_SCREENSHOT !== '1' && 'ENCKE_SCREENSHOT is not 1' }, async (t) => {
        const [page, other] = [await openPage(t, { deviceScaleFactor: 2 }), await openPage(t)];
        await watch(page, 'web_orders');
        await say(other, 'Is the new order in?', 'Boris');
        await shows(page, '#chat-log', 'Is the new order in?');
        await say(page, 'Yes: look at web_orders, it came straight from SQL.', 'Anna');
        await suite.at.publish('web_orders', 'new', '{"order":1042,"total":"89.90"}');
        await suite.at.publish('web_orders', 'paid', '{"order":1042}');
        await shows(page, '#watch-log', 'paid');
        await page.waitForFunction(() => document.querySelector('#presence-list').children.length >= 2);
        // Figures of the page as it is now, and no animation half way.
        await page.waitForFunction(() => /Subscriptions[1-9]/.test(document.querySelector('#figures').textContent));
        await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState === 'finished'));
        mkdirSync(join(ROOT, 'docs/images'), { recursive: true });
        await page.screenshot({ path: join(ROOT, 'docs/images/demo.png') });
    });
});
