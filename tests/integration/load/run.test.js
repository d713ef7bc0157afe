// encke-load against the real server: every workload is clean, Ctrl-C still reports, 20,000 connections with a broadcast and a storm.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { load, LOAD_BINARY } from '../support/encke_load.js';
import { PASSWORD, ROOT, serverForSuite, serverForTest, tempDir } from '../support/server.js';
import { until, within } from '../support/wait.js';

const execute = promisify(execFile);

const target = (server) => [`ws://127.0.0.1:${server.wsPort}`, '--classic', '--sql', `127.0.0.1:${server.sqlPort}`, '--pid', String(server.process.pid)];

function assertClean({ code, text, results }) {
    assert.equal(code, 0, text);
    const { missing, doubled, disordered, expected, delivered, is_clean } = results;
    assert.deepEqual({ missing, doubled, disordered, is_clean }, { missing: 0, doubled: 0, disordered: 0, is_clean: true });
    assert.equal(delivered, expected);
    return results;
}

describe('encke-load: the workloads', { concurrency: 4 }, () => {
    const suite = serverForSuite({ 'main.shards': 2, 'ws.max_queue': '64M' });
    const run = async (t, ...words) => assertClean(await load(...target(suite.at), '-c', '200', '-r', '0', '--hold', '2', '--channel', `web_${++channels}`, ...words));
    let channels = 0; // they run side by side

    test('idle', async (t) => {
        const { made, peak_online, published } = await run(t);
        assert.deepEqual({ made, peak_online, published }, { made: 200, peak_online: 200, published: 0 });
    });
    test('broadcast, over SQL and over WebSocket', async (t) => {
        for (const way of ['sql', 'websocket']) {
            const { published, delivered } = await run(t, '--workload', 'broadcast', '--rate', '50', '--publish', way);
            assert.ok(published > 0);
            assert.equal(delivered, published * 200);
        }
    });
    test('rooms', async (t) => {
        const { published, delivered } = await run(t, '--workload', 'rooms', '--rooms', '10', '--rate', '50');
        assert.equal(delivered, published * 20);
    });
    test('messages to single users', async (t) => {
        const { published, delivered } = await run(t, '--workload', 'private', '--rate', '100');
        assert.ok(published > 0);
        assert.equal(delivered, published);
    });
    test('browsers that publish', async (t) => {
        assert.ok((await run(t, '--workload', 'browsers', '--rate', '20')).delivered > 0);
    });
    test('churn', async (t) => {
        assert.ok((await run(t, '--workload', 'churn', '--churn', '10', '--rate', '20')).made > 200);
    });
    test('a storm', async (t) => {
        const { made, storm_back_s } = await run(t, '--workload', 'storm', '--rate', '20');
        assert.equal(made, 400);
        assert.ok(storm_back_s > 0);
    });
    test('some that do not read', async (t) => {
        assert.ok((await run(t, '--workload', 'slow', '--slow', '5', '--rate', '20')).delivered > 0);
    });
    test('publications that nobody hears', async (t) => {
        assert.ok((await run(t, '--workload', 'publish', '--rate', '0', '--publishers', '4')).published > 100);
    });
});

test('Ctrl-C ends the run in order, and it still reports', async (t) => {
    const server = await serverForTest(t, { 'main.shards': 1 });
    const directory = tempDir(), json = join(directory, 'r.json');
    t.after(() => rmSync(directory, { recursive: true }));
    const child = spawn(LOAD_BINARY, [...target(server), '-c', '50', '-r', '0', '--hold', '1h', '--workload', 'broadcast', '--json', json],
                        { env: { ...process.env, ENCKE_PASSWORD: PASSWORD } });
    t.after(() => child.kill('SIGKILL'));
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (said += text));
    const ended = new Promise((resolve) => child.once('close', resolve));
    await until(() => /online 50 of 50/.test(said), () => `the screen: ${said}`);
    child.kill('SIGINT');
    assert.equal(await within(ended, 'the end'), 0, said);
    assert.match(said, /ended early/);
    assert.match(said, /most at once +50/);
    assert.ok(existsSync(json));
    assert.equal(JSON.parse(readFileSync(json, 'utf8')).was_interrupted, true);
});

test('a server that is not there, and words that make no sense, are told', async () => {
    await assert.rejects(execute(LOAD_BINARY, ['--workload', 'dance', 'ws://127.0.0.1:1']), (error) => {
        assert.equal(error.code, 2);
        assert.match(error.stderr, /--workload dance: one of these is expected: idle broadcast/);
        return true;
    });
    await assert.rejects(execute(LOAD_BINARY, ['http://127.0.0.1:1']), (error) => error.code === 2);
    await assert.rejects(execute(LOAD_BINARY, ['compare', '/nowhere/a.json', '/nowhere/b.json']), (error) => error.code === 2 && /cannot read/.test(error.stderr));
});

test('the manual knows every option', async () => {
    const { stdout } = await execute(LOAD_BINARY, ['--help']);
    const manual = readFileSync(join(ROOT, 'docs/man/encke-load.1'), 'utf8').replaceAll('\\-', '-');
    const options = [...stdout.matchAll(/^ +(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option);
    assert.ok(options.length > 30);
    assert.deepEqual(options.filter((option) => !manual.includes(option)), []);
});

test('two results side by side', async (t) => {
    const server = await serverForTest(t, { 'main.shards': 1 });
    const directory = tempDir(), files = ['a.json', 'b.json'].map((name) => join(directory, name));
    t.after(() => rmSync(directory, { recursive: true }));
    for (const [i, file] of files.entries()) {
        await execute(LOAD_BINARY, [...target(server), '-c', String(10 * (i + 1)), '-r', '0', '--hold', '1', '-q', '--json', file],
                      { env: { ...process.env, ENCKE_PASSWORD: PASSWORD } });
    }
    const { stdout } = await execute(LOAD_BINARY, ['compare', ...files]);
    assert.match(stdout, /connections, most at once +10 +20 +\+100\.0 %/);
});

test('20,000 connections: subscriptions, a broadcast to each room, a storm, and memory that comes back', async (t) => {
    const server = await serverForTest(t, { 'ws.max_connections': 25000 });
    const run = await load(...target(server), '-c', '20000', '-r', '0', '--timeout', '60', '--workload', 'storm', '--rooms', '100', '--rate', '50', '--hold', '6');
    const { made, peak_online, delivered } = assertClean(run);
    assert.deepEqual({ made, peak_online }, { made: 40000, peak_online: 20000 });
    assert.ok(delivered > 20000, `${delivered}`);
    await until(async () => Number((await server.query("SHOW STATUS LIKE 'user_online'"))[0]?.Value ?? 0) === 0, 'all to be gone');
});
