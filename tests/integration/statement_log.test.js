// cometql.log_statements, CppComet's main.useQueryLoger: what backends said is kept in the table log_query of either store.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { databaseForFile } from './support/mariadb.js';
import { Server, serverForTest, tempDir } from './support/server.js';
import { until } from './support/wait.js';

const mariadb = databaseForFile();

const KEPT = [
    "INSERT INTO pipes_messages (name, event, message) VALUES ('web_x', 'e', 'it''s 😀')",
    'select * from nowhere',
    'SELECT COUNT(*) FROM channels',
    'settle this',
];
const NOT_KEPT = ['SHOW TABLES', 'show status', 'SET NAMES utf8mb4', 'set main useQueryLoger 1'];

/** What is said, in the order in which it is, wrong statements among it. */
async function say(server, user) {
    const connection = await server.connect({ user });
    for (const sql of [...NOT_KEPT, ...KEPT]) {
        await connection.query(sql).catch((error) => assert.ok(error.errno, error));
    }
}

test('SQLite keeps each statement but SET and SHOW, with its app', async (t) => {
    const state = join(tempDir(), 'state');
    t.after(() => rmSync(join(state, '..'), { recursive: true, force: true }));
    const server = await serverForTest(t, { 'main.state_dir': state, 'store.backend': 'sqlite', 'cometql.log_statements': true });
    await say(server, '15');
    let rows;
    await until(() => {
        rows = JSON.parse(execFileSync('sqlite3', ['-json', join(state, 'encke.db'), 'SELECT app, query FROM log_query ORDER BY id']).toString() || '[]');
        return rows.length >= KEPT.length;
    }, 'the rows');
    assert.deepEqual(rows, KEPT.map((query) => ({ app: 15, query })));
});

test("MariaDB keeps them in CppComet's table, by CppComet's key", async (t) => {
    const options = await mariadb.at.fresh('comet_log');
    const server = await serverForTest(t, { ...options, 'cometql.log_statements': true });
    await say(server, 'root');
    let rows;
    await until(async () => (rows = await mariadb.at.run('SELECT dev_id, query FROM comet_log.log_query ORDER BY id')).length >= KEPT.length, 'the rows');
    assert.deepEqual(rows.map((row) => Object.values(row)), KEPT.map((query) => [0, query]));
});

test('unless it is asked for nothing is kept', async (t) => {
    const state = join(tempDir(), 'state');
    t.after(() => rmSync(join(state, '..'), { recursive: true, force: true }));
    const server = new Server({ 'main.state_dir': state, 'store.backend': 'sqlite' });
    t.after(() => (server.process.result ? null : server.stop()));
    await server.ready();
    await say(server, 'root');
    await server.stop();
    assert.equal(execFileSync('sqlite3', [join(state, 'encke.db'), 'SELECT COUNT(*) FROM log_query']).toString().trim(), '0');
});
