// Every program of examples/, run as its page says. (Go and Ruby are run by tests/drivers.)

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { listen, PYTHON } from './support/programs.js';
import { ROOT, serverForSuite } from './support/server.js';
import { visit } from './support/visitor.js';
import { DEADLINE_MS, until } from './support/wait.js';

const run = promisify(execFile);
const EXAMPLES = join(ROOT, 'examples');
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

const settings = (server, more = {}) => ({
    ...process.env,
    ENCKE_HOST: '127.0.0.1', ENCKE_SQL_PORT: String(server.sqlPort), ENCKE_PASSWORD: server.password, ENCKE_URL: `ws://127.0.0.1:${server.wsPort}`,
    ...more,
});

async function output(server, command, ...args) {
    const { stdout } = await run(command, args, { env: settings(server), timeout: DEADLINE_MS * 2 });
    return stdout.trim();
}

async function freePort() {
    const server = createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}

describe('examples', () => {
    const suite = serverForSuite();
    before(() => {
        // The packages of examples/node are those of these tests.
        const modules = join(EXAMPLES, 'node', 'node_modules');
        if (!existsSync(modules)) {
            symlinkSync(join(ROOT, 'tests/integration/node_modules'), modules);
        }
    });

    for (const [language, command, script] of [
        ['python', PYTHON, 'python/publish.py'], ['node', process.execPath, 'node/publish.js'], ['bash', 'bash', 'bash/publish.sh'],
    ]) {
        test(`${language} publishes`, async (t) => {
            const channel = `news_${language}`, text = `it's "quoted" 😀 ${language}`;
            const visitor = await (await visit(t, suite.at)).subscribe(channel);
            await suite.at.query(`INSERT INTO pipes_settings (name, length) VALUES ('${channel}', 5)`);
            const said = await output(suite.at, command, join(EXAMPLES, script), channel, language === 'bash' ? JSON.stringify({ text }) : text);
            assert.match(said, language === 'bash' ? /^subscribers: 1\nnote\t/ : /^published$/);
            const { data } = await visitor.on(channel);
            assert.match(data, /😀|ud83d/);
        });
    }

    for (const [language, command, script] of [['python', PYTHON, 'python/publish.py'], ['node', process.execPath, 'node/publish.js']]) {
        test(`${language} tells one user`, async () => {
            await output(suite.at, command, join(EXAMPLES, script), '--user', '77', `for you, from ${language}`);
            const rows = await suite.at.query('SELECT message FROM users_messages WHERE id = 77');
            assert.ok(rows.some(({ message }) => message.includes(`from ${language}`)));
        });
    }

    for (const [language, command, script] of [['python', PYTHON, 'python/listen.py'], ['node', process.execPath, 'node/listen.js']]) {
        test(`${language} listens`, async (t) => {
            const channel = `heard_${language}`;
            const program = listen(command, [join(EXAMPLES, script), channel], settings(suite.at));
            t.after(() => program.child.kill());
            await suite.at.untilCount(channel, 1);
            await suite.at.publish(channel, 'note', 'hello');
            await until(() => program.lines.some((line) => line.startsWith(`${channel} note`) && line.includes('hello')),
                        () => `the line; ${program.lines.join('\n')} ${program.stderr}`);
        });
    }

    test('a token made by python lets in', async (t) => {
        const token = await output(suite.at, PYTHON, join(EXAMPLES, 'python/make_token.py'), '8');
        const visitor = await visit(t, suite.at, { user: 8, session: token });
        assert.equal(visitor.info.authorized, true);
        const program = listen(process.execPath, [join(EXAMPLES, 'node/listen.js')], settings(suite.at, { ENCKE_USER: '8', ENCKE_SESSION: token }));
        t.after(() => program.child.kill());
        await until(() => program.lines.includes('connected as a user'), () => `the login; ${program.lines.join('\n')} ${program.stderr}`);
    });

    describe('the chat in PHP', () => {
        let browser, php, port;
        before(async () => {
            port = await freePort();
            php = spawn('php', ['-S', `127.0.0.1:${port}`, '-t', join(EXAMPLES, 'php')],
                        { env: settings(suite.at, { PHP_CLI_SERVER_WORKERS: '4' }), stdio: ['ignore', 'ignore', 'pipe'], detached: true });
            let said = '';
            php.stderr.on('data', (text) => (said += text));
            await until(() => said.includes('started'), () => `php to serve: ${said}`);
            browser = await chromium.launch({ executablePath: process.env.ENCKE_CHROMIUM || '/usr/bin/chromium', args: FLAGS });
        });
        after(async () => {
            await browser?.close();
            try {
                process.kill(-php.pid, 'SIGKILL'); // its workers, too
            } catch { /* it has ended */ }
        });

        async function comeIn(t, id, name) {
            const context = await browser.newContext();
            t.after(() => context.close());
            const page = await context.newPage();
            page.setDefaultTimeout(DEADLINE_MS * 2);
            await page.goto(`http://127.0.0.1:${port}/`);
            await page.fill('[name=id]', String(id));
            await page.fill('[name=name]', name);
            await page.click('button');
            await page.waitForFunction(() => document.querySelector('#state')?.textContent === 'connected');
            return page;
        }

        const waitForText = (page, selector, text) =>
            page.waitForFunction(([s, wanted]) => [...document.querySelectorAll(s)].some((e) => e.textContent === wanted), [selector, text]);

        test('two browsers log in, talk, whisper, see each other, and one is thrown out', async (t) => {
            const ann = await comeIn(t, 11, 'Ann'), bob = await comeIn(t, 12, 'Bob');
            await waitForText(ann, '#online', '12, 11');
            await ann.fill('#say [name=text]', 'hello 😀');
            await ann.click('#say button');
            for (const page of [ann, bob]) {
                await waitForText(page, '.say', 'Ann: hello 😀');
            }
            await bob.fill('#whisper [name=to]', '11');
            await bob.fill('#whisper [name=text]', 'psst');
            await bob.click('#whisper button');
            await waitForText(ann, '.whisper', '(whispers) Bob: psst');
            assert.equal(await bob.locator('.whisper').count(), 0);

            assert.equal(await output(suite.at, 'php', join(EXAMPLES, 'php/notify.php'), '12', 'from the shell'), 'told user 12');
            assert.deepEqual((await output(suite.at, 'php', join(EXAMPLES, 'php/online.php'), 'track_lobby')).split('\n').sort(), ['11', '12']);

            const tab = await bob.context().newPage(); // a second tab of the same user
            await tab.goto(`http://127.0.0.1:${port}/`);
            await tab.waitForFunction(() => document.querySelector('#state')?.textContent === 'connected');
            await ann.fill('#whisper [name=to]', '12');
            await ann.fill('#whisper [name=text]', 'both of you');
            await ann.click('#whisper button');
            for (const page of [bob, tab]) {
                await waitForText(page, '.whisper', '(whispers) Ann: both of you');
            }
            await tab.click('#leave'); // the secret is taken back: the other tab is a stranger now
            await bob.waitForFunction(() => document.querySelector('#state').textContent === 'logged out');
            await waitForText(ann, '#online', '11');
        });
    });
});
