// client/js/comet.js: the calls that pages of CppComet use, in Node and in a page.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import WebSocket from 'ws';
import '../../../client/js/encke.js';
import '../../../client/js/comet.js';
import { serverForSuite, serverForTest, tempDir } from '../support/server.js';
import { Visitor } from '../support/visitor.js';
import { until, within } from '../support/wait.js';

describe('the calls of CppComet', () => {
    const suite = serverForSuite();

    async function start(t, options = {}) {
        const api = new globalThis.CometServer();
        t.after(() => api.stop());
        const known = new Promise((resolve) => api.onAuthFalill(resolve));
        api.start({ node: `127.0.0.1:${suite.at.wsPort}`, dev_id: 0, WebSocket, ...options });
        await within(known, 'the answer about the login');
        return api;
    }

    test('an anonymous visitor is told that he is not authorised', async (t) => {
        const api = await start(t);
        assert.equal(api.isAuthorized(), false);
        assert.equal(api.isMaster(), true);
        assert.equal(api.getUUID().length, 32);
    });

    test('subscription with and without event, by a list, before and after start', async (t) => {
        const api = new globalThis.CometServer();
        t.after(() => api.stop());
        const heard = [];
        api.subscription('web_early', (e) => heard.push(['early', e.data]));
        api.start({ node: `127.0.0.1:${suite.at.wsPort}`, WebSocket });
        api.subscription(['web_one', 'web_two.ev'], (e) => heard.push([e.server_info.pipe, e.server_info.event, e.data]));
        for (const name of ['web_early', 'web_one', 'web_two']) {
            await suite.at.untilCount(name, 1);
        }
        await suite.at.publish('web_early', 'e', '1');
        await suite.at.publish('web_one', 'any', '{"a":1}');
        await suite.at.publish('web_two', 'other', 'x');
        await suite.at.publish('web_two', 'ev', 'x');
        await until(() => heard.length === 3, 'three calls');
        assert.deepEqual(new Set(heard.map((one) => JSON.stringify(one))),
                         new Set([['early', 1], ['web_one', 'any', { a: 1 }], ['web_two', 'ev', 'x']].map((one) => JSON.stringify(one))));
    });

    test('web_pipe_send in both forms, and its delivery report', async (t) => {
        const [sender, receiver] = [await start(t), await start(t)];
        const heard = [], reports = [];
        receiver.subscription('web_send', (e) => heard.push([e.server_info.event, e.data, e.server_info.user_id]));
        await suite.at.untilCount('web_send', 1);
        sender.subscription('#web_send', (e) => reports.push(e.data.number_messages));
        sender.web_pipe_send('web_send.hello', { n: 1 });
        sender.web_pipe_send('web_send', 'hello', "it's");
        sender.web_pipe_send('web_send', 3);
        await until(() => heard.length === 3 && reports.length === 3, 'messages and reports');
        assert.deepEqual(heard, [['hello', { n: 1 }, 0], ['hello', "it's", 0], ['undefined', 3, 0]]);
        assert.deepEqual(reports, [1, 1, 1]);
    });

    test('unsubscription of one callback, then of the channel', async (t) => {
        const api = await start(t);
        const calls = [];
        const one = () => calls.push(1), two = () => calls.push(2);
        api.subscription('web_off', one);
        api.subscription('web_off', two);
        await suite.at.untilCount('web_off', 1);
        api.unsubscription('web_off', one);
        await suite.at.publish('web_off', 'e', 'x');
        await until(() => calls.length === 1, 'one call');
        assert.deepEqual(calls, [2]);
        api.unsubscription('web_off');
        await suite.at.untilCount('web_off', 0);
    });

    test('get_pipe_log, count_users_in_pipe and getTrackPipeUsers', async (t) => {
        const api = await start(t);
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_pipelog', 3)");
        await suite.at.publish('web_pipelog', 'e', '"m1"');
        await suite.at.publish('web_pipelog', 'e', '"m2"');
        const heard = [];
        api.get_pipe_log('web_pipelog', (e) => heard.push([e.data, e.server_info.history]));
        await until(() => heard.length === 2, 'the history');
        assert.deepEqual(heard, [['m1', true], ['m2', true]]);
        api.subscription('track_users', () => {});
        const count = await within(new Promise((resolve) => api.count_users_in_pipe('track_users', resolve)), 'the count');
        assert.equal(count.data.user_in_pipe, 1);
        const users = await within(new Promise((resolve) => api.getTrackPipeUsers('track_users', resolve)), 'the users');
        assert.deepEqual(users.data, [{ user_id: 0, uuid: api.getUUID() }]);
    });

    test('a message that is sent three times is heard once', async (t) => {
        const [sender, receiver] = [await start(t), await start(t)];
        const heard = [], reports = [];
        receiver.subscription('web_multi', (e) => heard.push(e.data.text));
        sender.subscription('#web_multi', () => reports.push(1));
        await suite.at.untilCount('web_multi', 1);
        sender.multi_web_pipe_send('web_multi', 'e', { text: 'once' });
        await until(() => reports.length === 3, 'three reports');
        assert.deepEqual(heard, ['once']);
    });

    test('a page that changed nothing but the address of its script works', async (t) => {
        const directory = tempDir();
        mkdirSync(join(directory, 'pages'));
        writeFileSync(join(directory, 'pages', 'old.html'), `<!doctype html><title>old page</title><p id="out"></p>
            <script src="/js/comet.js"></script><script src="/old.js"></script>`);
        writeFileSync(join(directory, 'pages', 'old.js'), `cometApi.start({ node: location.host, dev_id: 0 });
            cometApi.subscription('web_page.ev', function (e) { document.querySelector('#out').textContent = e.data.text; });
            cometApi.web_pipe_send('web_early', 'ev', 'sent at once');`);
        const server = await serverForTest(t, { 'main.base_dir': join(directory, 'pages') });
        const visitor = await new Visitor(server).open();
        t.after(() => visitor.socket.terminate());
        visitor.send('subscription', 'web_early');
        await server.untilCount('web_early', 1);
        const browser = await chromium.launch({ executablePath: process.env.ENCKE_CHROMIUM || '/usr/bin/chromium',
            args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync'] });
        t.after(() => browser.close());
        const page = await browser.newPage();
        await page.goto(`${server.http}/old.html`);
        await server.untilCount('web_page', 1);
        assert.equal((await visitor.on('web_early')).data, '"sent at once"');
        await server.publish('web_page', 'ev', '{"text":"from SQL"}');
        await page.waitForFunction(() => document.querySelector('#out').textContent === 'from SQL');
    });
});
