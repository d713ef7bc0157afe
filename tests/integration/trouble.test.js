// The storage is in trouble while the server runs: another program locks the file, the disk is full. Who listens notices nothing;
// who writes waits, or is told; nothing is reordered or stored twice; the log speaks once.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, tempDir } from './support/server.js';
import { visit } from './support/visitor.js';
import { until } from './support/wait.js';

const LISTENED = 'web_kept';
const linesWith = (server, text) => server.process.stderr.split('\n').filter((line) => line.includes(text)).length;

/* A server on a state directory that outlives it, somebody who listens, and a channel that keeps what is said. */
async function begin(t, options = {}, state = join(tempDir(), 'state')) {
    t.after(() => rmSync(join(state, '..'), { recursive: true, force: true }));
    const server = new Server({ 'main.state_dir': state, 'main.shards': 2, 'store.backend': 'sqlite', ...options });
    t.after(() => (server.process.result ? null : server.stop()));
    await server.ready();
    await server.query(`INSERT INTO pipes_settings (name, length) VALUES ('${LISTENED}', 1000)`);
    const visitor = await (await visit(t, server)).subscribe(LISTENED);
    return { server, visitor, state };
}

/* Another program that holds the writer's lock from the moment this resolves. */
async function lock(t, state) {
    const other = spawn('sqlite3', [join(state, 'encke.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    other.stdout.setEncoding('utf8').on('data', (text) => (said += text));
    t.after(() => other.kill('SIGKILL'));
    other.stdin.write("BEGIN IMMEDIATE;\nSELECT 'locked';\n");
    await until(() => said.includes('locked'), 'the lock');
    return () => new Promise((resolve) => other.once('close', resolve).stdin.end('ROLLBACK;\n'));
}

/* Publishes 1 to `count`, each from a connection of its own and each after the one before was heard. The answers to come: true, or
 * the error. */
async function publishAll({ server, visitor }, count, text = (n) => String(n)) {
    const answers = [];
    for (let n = 1; n <= count; n++) {
        const connection = await server.connect();
        const answer = { n, value: undefined };
        connection.query('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [LISTENED, 'e', text(n)])
            .then(() => (answer.value = true), (error) => (answer.value = error));
        assert.equal((await visitor.on(LISTENED)).data, text(n), 'who listens hears it at once');
        answers.push(answer);
    }
    return answers;
}

const answered = (answers) => until(() => answers.every((a) => a.value !== undefined), 'all answers');
const history = async (server) => (await server.query(`SELECT message FROM pipes_messages WHERE name = '${LISTENED}' LIMIT 1000`)).map((row) => row.message);

/* The log: once when it began, once when it was over. */
function assertLogged(server) {
    assert.equal(linesWith(server, 'what comes waits in memory'), 1, server.process.said());
    assert.equal(linesWith(server, 'the storage is back'), 1, server.process.said());
}

async function assertKeptAfterRestart(t, { server, state }, expected) {
    assert.deepEqual(await history(server), expected);
    await server.stop();
    const next = await begin(t, {}, state);
    assert.deepEqual(await history(next.server), expected);
}

test('a file that another program locks delays answers, not messages', async (t) => {
    const here = await begin(t);
    const release = await lock(t, here.state);
    const answers = await publishAll(here, 20);
    await until(() => linesWith(here.server, 'what comes waits in memory') > 0, 'the line in the log');
    assert.ok(answers.every((a) => a.value === undefined), 'nothing is acknowledged that is not stored');
    await here.server.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_unkept', 'e', 'x')`); /* needs no storage */
    await release();
    await answered(answers);
    assert.ok(answers.every((a) => a.value === true));
    assertLogged(here.server);
    await assertKeptAfterRestart(t, here, answers.map((a) => String(a.n)));
});

test('somebody who is not in memory can log in while nothing can be written', async (t) => {
    const first = await begin(t);
    await first.server.query(`INSERT INTO users_auth (id, hash) VALUES (5, 'five')`);
    await first.server.stop();
    const here = await begin(t, {}, first.state);
    const release = await lock(t, here.state);
    const answers = await publishAll(here, 1);
    await until(() => linesWith(here.server, 'what comes waits in memory') > 0, 'the line in the log');
    const visitor = await visit(t, here.server, { user: 5, session: 'five' });
    assert.equal(visitor.info.authorized, true);
    assert.equal(answers[0].value, undefined);
    await release();
    await answered(answers);
    assertLogged(here.server);
});

test('a write that waits too long fails with a clear error, and the next one after the trouble works', async (t) => {
    const here = await begin(t, { 'store.patience': '500ms' });
    const release = await lock(t, here.state);
    for (const sql of [`INSERT INTO users_auth (id, hash) VALUES (7, 'late')`, `INSERT INTO revoked_tokens (token) VALUES ('late')`,
                       `INSERT INTO users_messages (id, event, message) VALUES (7, 'e', 'late')`,
                       `INSERT INTO users_data (id, data) VALUES (7, 'late')`]) {
        await assert.rejects(here.server.query(sql), (error) => {
            assert.equal(error.errno, 500);
            assert.match(error.message, /storage did not answer in time/);
            return true;
        }, sql);
    }
    await release();
    await here.server.query(`INSERT INTO users_auth (id, hash) VALUES (8, 'intime')`);
    await here.server.stop(); /* a token stays revoked in memory: better one too many than one that was to be refused */
    const { server } = await begin(t, {}, here.state);
    for (const [sql, expected] of [['SELECT hash AS x FROM users_auth WHERE id IN (7, 8)', ['intime']],
                                   [`SELECT token AS x FROM revoked_tokens`, []], ['SELECT message AS x FROM users_messages WHERE id = 7', []],
                                   ['SELECT data AS x FROM users_data WHERE id = 7', []]]) {
        assert.deepEqual((await server.query(sql)).map((row) => row.x), expected, sql);
    }
    assertLogged(here.server);
});

test('more than store.queue is refused at once, and what was accepted is kept in its order', async (t) => {
    const here = await begin(t, { 'store.queue': '1M' });
    const release = await lock(t, here.state), long = (n) => `${n} ${'x'.repeat(60000)}`;
    const answers = await publishAll(here, 25, long);
    await until(() => answers.filter((a) => a.value !== undefined).length >= 6, 'the refusals');
    for (const { value } of answers.filter((a) => a.value !== undefined)) {
        assert.equal(value.errno, 500);
        assert.match(value.message, /Too much waits for the storage/);
    }
    await release();
    await answered(answers);
    const kept = answers.filter((a) => a.value === true).map((a) => a.n);
    assert.ok(kept.length >= 10 && kept.length < 20, `${kept.length} of 25 fit into 1 MB`);
    await here.server.stop();
    const next = await begin(t, {}, here.state);
    assert.deepEqual((await history(next.server)).map(parseFloat), kept);
});

/* A small file system of its own needs root; without it this is skipped. */
function mountSmall(t) {
    const top = tempDir(), state = join(top, 'state');
    mkdirSync(state);
    try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=0700', 'encke-test', state], { stdio: 'ignore' });
    } catch {
        rmSync(top, { recursive: true });
        t.skip('cannot mount a tmpfs here');
        return null;
    }
    t.after(() => execFileSync('umount', ['-l', state]));
    return state;
}

function fill(path) {
    const file = openSync(path, 'w'), zeros = Buffer.alloc(65536);
    try {
        for (;;) {
            writeSync(file, zeros);
        }
    } catch (error) {
        assert.equal(error.code, 'ENOSPC');
    }
    closeSync(file);
}

test('a full disk delays answers, not messages', async (t) => {
    const state = mountSmall(t);
    if (state === null) {
        return;
    }
    const here = await begin(t, {}, state);
    fill(join(state, 'ballast'));
    const answers = await publishAll(here, 30, (n) => `${n} ${'y'.repeat(20000)}`);
    await until(() => linesWith(here.server, 'what comes waits in memory') > 0, 'the line in the log');
    unlinkSync(join(state, 'ballast'));
    await answered(answers);
    assert.ok(answers.every((a) => a.value === true));
    assertLogged(here.server);
    await assertKeptAfterRestart(t, here, answers.map((a) => `${a.n} ${'y'.repeat(20000)}`));
});

test('a second server on the same directory is refused with a clear error, and the first goes on', async (t) => {
    const here = await begin(t);
    const second = new Server({ 'main.state_dir': here.state, 'store.backend': 'sqlite' });
    const end = await second.process.end();
    rmSync(second.directory, { recursive: true, force: true });
    assert.notEqual(end.code, 0);
    assert.match(end.stderr, new RegExp(`in use by process ${here.server.process.pid}|another .*running`));
    await here.server.query(`INSERT INTO users_auth (id, hash) VALUES (1, 'x')`);
});
