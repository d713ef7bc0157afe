// The store in a real MariaDB: CppComet's database after `encke migrate`, read through CometQL and by browsers, and a database that is
// killed, or hangs, while the server runs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { databaseForFile } from './support/mariadb.js';
import { Process, run, Server, serverForTest } from './support/server.js';
import { visit } from './support/visitor.js';
import { until } from './support/wait.js';

const mariadb = databaseForFile();
const CPPCOMET = readFileSync(new URL('./support/cppcomet.sql', import.meta.url), 'utf8');
const words = (options) => Object.entries(options).map(([key, value]) => `--${key}=${value}`);
const migrate = (options, ...more) => run(['migrate', ...words(options), ...more]);
const texts = async (server, sql, user) => (await server.query(sql, [], user)).map((row) => Object.values(row)[0]);

async function cppcomet(name) {
    const options = await mariadb.at.fresh(name);
    await mariadb.at.run(CPPCOMET, { database: name });
    return options;
}

/* What is in all tables, and what they are like. */
async function image(name) {
    const columns = await mariadb.at.run(`SELECT table_name, column_name, column_type, column_default, is_nullable FROM information_schema.columns
                                          WHERE table_schema = '${name}' ORDER BY table_name, ordinal_position`);
    const rows = {};
    for (const table of new Set(columns.map((c) => Object.values(c)[0]))) {
        rows[table] = await mariadb.at.run(`SELECT * FROM ${name}.${table}`);
    }
    return JSON.stringify({ columns, rows });
}

describe('encke migrate', () => {
    test('a server on an unmigrated database ends, says what to do, and changes nothing', async () => {
        const options = await cppcomet('comet_refused');
        const before = await image('comet_refused');
        const { code, stderr } = await run([...words(options), '--ws.port=0', '--cometql.port=0', '--main.password=x']);
        assert.equal(code, 1);
        assert.match(stderr, /mariadb-dump comet_refused > before-encke\.sql.*encke migrate/);
        assert.equal(await image('comet_refused'), before);
    });

    test('--dry-run shows every statement and changes nothing', async () => {
        const options = await cppcomet('comet_dry');
        const before = await image('comet_dry');
        const { code, stdout, stderr } = await migrate(options, '--dry-run');
        assert.equal(code, 0, stderr);
        assert.match(stdout, /users_time: engine MEMORY -> InnoDB/);
        assert.match(stdout, /ALTER TABLE `pipe_messages` .*ADD COLUMN `epoch`/);
        assert.match(stdout, /nothing was changed/);
        assert.equal(await image('comet_dry'), before);
    });

    test('everything is there afterwards, through CometQL and for browsers', async (t) => {
        const options = await cppcomet('comet_full');
        const { code, stdout, stderr } = await migrate(options);
        assert.equal(code, 0, stderr + stdout);
        assert.match(stdout, /ready: start encke/);
        assert.doesNotMatch(stdout + stderr, /db-password/);
        const server = await serverForTest(t, options);
        assert.deepEqual(await server.query('SELECT id, hash FROM users_auth WHERE id IN (7, 8, 9)'),
                         [{ id: '7', hash: '0123456789abcdef0123456789abcdef' }, { id: '8', hash: 'short' }]);
        assert.deepEqual(await texts(server, 'SELECT hash FROM users_auth WHERE id = 7', '15'), ['other']);
        assert.deepEqual(await texts(server, 'SELECT data FROM users_data WHERE id IN (7, 8)'), ['Grüße, мир, 中', `{"name":"O'Neil"}`]);
        assert.deepEqual(await texts(server, 'SELECT time FROM users_time WHERE id IN (7, 8, 9)'), ['-1', '1438245468', '-1']);
        assert.deepEqual(await texts(server, `SELECT length FROM pipes_settings WHERE name IN ('log', 'web_long')`), ['10', '1000']);
        const history = await server.query(`SELECT * FROM pipes_messages WHERE name = 'log'`);
        assert.deepEqual(history.map((m) => m.message), ['first', 'second', 'third é', 'fourth', `{"fifth":"\\\\ \\" '"}`]);
        assert.deepEqual(history.map((m) => m.time), ['1438245470', '1438245471', '1438245471', '1438245471', '1438245472']);
        assert.deepEqual(history.map((m) => m.user_id), ['0', '0', '4', '0', '0']);
        assert.equal(history[0].event, 'undefined');
        assert.ok(history.every((m) => /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(m.id)));
        assert.deepEqual((await mariadb.at.run(`SELECT id FROM comet_full.pipe_messages WHERE dev_id = 0 AND pipe_name = 'log' ORDER BY seq`)).map((r) => r.id),
                         history.map((m) => m.id), 'the table has the ids that clients see');
        assert.deepEqual(await texts(server, `SELECT message FROM pipes_messages WHERE name = 'log'`, '15'), ['of app 15']);
        assert.deepEqual(await texts(server, 'SELECT message FROM users_messages WHERE id = 7'), ['q1', 'q2', 'q3 ü']);
        assert.deepEqual(await texts(server, 'SELECT token FROM revoked_tokens'), ['any text', 'eyJhbGciOiJIUzI1NiJ9.e30.sig']);

        const visitor = await visit(t, server, { user: 7, session: '0123456789abcdef0123456789abcdef' });
        assert.equal(visitor.info.authorized, true);
        for (const expected of ['q1', 'q2', 'q3 ü']) {
            assert.equal((await visitor.on('msg')).data, expected);
        }
        await server.query(`DELETE FROM pipes_messages WHERE id = '${history[1].id}'`);
        await server.publish('log', 'e', 'new 😀');
        assert.deepEqual((await texts(server, `SELECT message FROM pipes_messages WHERE name = 'log'`)).slice(0, 3), ['first', 'third é', 'fourth']);
        await until(async () => (await mariadb.at.run('SELECT COUNT(*) AS n FROM comet_full.users_messages'))[0].n === 0, 'the queue to be empty in the table');
        assert.deepEqual((await mariadb.at.run(`SELECT message FROM comet_full.pipe_messages WHERE pipe_name = 'log' ORDER BY seq DESC LIMIT 1`))[0],
                         { message: 'new 😀' });
    });

    test('a second run changes nothing, and another program beside a running server is kept away', async (t) => {
        const options = await cppcomet('comet_twice');
        assert.equal((await migrate(options)).code, 0);
        const before = await image('comet_twice');
        const again = await migrate(options);
        assert.equal(again.code, 0);
        assert.match(again.stdout, /the tables are as they should be/);
        assert.equal((await image('comet_twice')).replace(/"name":"starts","value":\d+/, ''), before.replace(/"name":"starts","value":\d+/, ''));
        await serverForTest(t, options);
        const beside = await migrate(options);
        assert.equal(beside.code, 1);
        assert.match(beside.stderr, /stop it first/);
    });

    test('CppComet writes on the migrated tables, and the next start takes it in', async (t) => {
        const options = await cppcomet('comet_back');
        assert.equal((await migrate(options)).code, 0);
        const first = new Server(options);
        await first.ready();
        await first.publish('log', 'e', 'ours');
        await first.stop();
        await mariadb.at.run(`INSERT INTO pipe_messages VALUES ('00000001-0009-11e6-8000-0242ac110002', 1999999999, 0, 'log', 'undefined', 'theirs', 0);
                              REPLACE INTO users_auth VALUES (0, 9, 'nine'); REPLACE INTO users_time VALUES (0, 9, 1438245999)`, { database: 'comet_back' });
        const server = await serverForTest(t, options);
        assert.deepEqual((await texts(server, `SELECT message FROM pipes_messages WHERE name = 'log'`)).slice(-2), ['ours', 'theirs']);
        assert.deepEqual(await texts(server, 'SELECT hash FROM users_auth WHERE id = 9'), ['nine']);
        assert.deepEqual(await texts(server, 'SELECT time FROM users_time WHERE id = 9'), ['1438245999']);
        assert.match(server.process.stderr, /took in 1 messages of channels/);
    });

    test('what is not said about the database is asked for', async () => {
        const nothing = await run(['migrate']);
        assert.equal(nothing.code, 1);
        assert.match(nothing.stderr, /which database\? db\.host is not set/);
        const alone = await run(['--dry-run']);
        assert.equal(alone.code, 1);
        assert.match(alone.stderr, /encke migrate --dry-run/);
        for (const [options, missing] of [[{ 'db.host': 'x' }, 'db.user'], [{ 'db.host': 'x', 'db.user': 'y' }, 'db.name'],
                                          [{ 'store.backend': 'mariadb' }, 'db.host']]) {
            const { code, stderr } = await run([...words(options), '--check-config']);
            assert.equal(code, 1);
            assert.match(stderr, new RegExp(`${missing.replace('.', '\\.')} is not set`));
        }
        const options = { ...mariadb.at.options('comet_nosuch'), 'db.password': 'wrong-password' };
        const refused = await migrate(options);
        assert.equal(refused.code, 1);
        assert.match(refused.stderr, /Access denied for user 'comet'/);
        assert.doesNotMatch(refused.stderr + refused.stdout, /wrong-password/);
    });
});

describe('a database in trouble', () => {
    const LISTENED = 'web_kept';

    /* Publishes while the database is away: every message is heard at once, in order; the answers come later. */
    async function publishAll(server, visitor, count) {
        const answers = [];
        for (let n = 1; n <= count; n++) {
            const connection = await server.connect();
            const answer = { n, value: undefined };
            connection.query('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [LISTENED, 'e', String(n)])
                .then(() => (answer.value = true), (error) => (answer.value = error));
            assert.equal((await visitor.on(LISTENED)).data, String(n), 'who listens hears it at once');
            answers.push(answer);
        }
        return answers;
    }

    async function begin(t, name) {
        const options = { ...await mariadb.at.fresh(name), 'db.timeout': '1s', 'main.shards': 2 };
        const server = new Server(options);
        t.after(() => (server.process.result ? null : server.stop()));
        await server.ready();
        await server.query(`INSERT INTO pipes_settings (name, length) VALUES ('${LISTENED}', 1000)`);
        const visitor = await (await visit(t, server)).subscribe(LISTENED);
        return { options, server, visitor };
    }

    async function trouble(t, name, away, back) {
        const { server, visitor } = await begin(t, name);
        await away();
        const answers = await publishAll(server, visitor, 30);
        await until(() => server.process.stderr.includes('what comes waits in memory'), 'the line in the log');
        assert.ok(answers.every((a) => a.value === undefined), 'nothing is acknowledged that is not stored');
        await server.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_unkept', 'e', 'x')`); /* needs no storage */
        await back(server);
        await until(() => answers.every((a) => a.value !== undefined), 'all answers', 60_000);
        assert.deepEqual(answers.filter((a) => a.value !== true), []);
        const expected = answers.map((a) => String(a.n));
        assert.deepEqual(await texts(server, `SELECT message FROM pipes_messages WHERE name = '${LISTENED}' LIMIT 1000`), expected);
        assert.deepEqual((await mariadb.at.run(`SELECT message FROM ${name}.pipe_messages ORDER BY seq`)).map((r) => r.message), expected);
        assert.equal(server.process.stderr.split('what comes waits in memory').length, 2, 'said once');
        assert.match(server.process.stderr, /the storage is back/);
        assert.doesNotMatch(server.process.stderr, /db-password/);
    }

    test('killed and started again: messages are heard at once, answers come when it is back, nothing is lost', async (t) => {
        await trouble(t, 'comet_killed', () => mariadb.at.kill(), () => mariadb.at.start());
    });

    test('hanging for longer than db.timeout: the same', async (t) => {
        await trouble(t, 'comet_hanging', () => mariadb.at.signal('SIGSTOP'), () => mariadb.at.signal('SIGCONT'));
    });

    test('killed under load, five times: what was acknowledged is there, once and in order', async (t) => {
        const { options, server } = await begin(t, 'comet_load');
        const writers = await Promise.all(Array.from({ length: 6 }, () => server.connect()));
        const done = writers.map(() => 0);
        let isOver = false;
        const writing = writers.map(async (connection, w) => {
            await server.query(`INSERT INTO pipes_settings (name, length) VALUES ('load${w}', 1000)`);
            for (let n = 1; n <= 400 || !isOver; n++) {
                await connection.query('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [`load${w}`, 'e', String(n)]);
                done[w] = n;
            }
        });
        for (let i = 0; i < 5; i++) {
            const before = Math.min(...done);
            await until(() => Math.min(...done) > before + 20, 'progress', 60_000);
            await mariadb.at.kill();
            await mariadb.at.start();
        }
        isOver = true;
        await Promise.all(writing);
        await server.stop();
        const next = await serverForTest(t, options);
        for (let w = 0; w < writers.length; w++) {
            const all = Array.from({ length: done[w] }, (_, i) => String(i + 1)).slice(-1000);
            const kept = await mariadb.at.run(`SELECT message FROM comet_load.pipe_messages WHERE pipe_name = 'load${w}' ORDER BY seq`);
            assert.deepEqual(kept.map((row) => row.message), all);
            assert.deepEqual(await texts(next, `SELECT message FROM pipes_messages WHERE name = 'load${w}' LIMIT 99`), all.slice(-99));
        }
    });

    test('away at the start: it is waited for', async (t) => {
        const options = await mariadb.at.fresh('comet_late');
        await mariadb.at.kill();
        const server = new Server({ ...options, 'db.connection_attempts': 3 });
        t.after(() => server.stop());
        const ready = server.ready();
        await until(() => server.process.stderr.includes('trying again in 5 s'), 'the line that says so');
        await mariadb.at.start();
        await ready;
        await server.query(`INSERT INTO users_data (id, data) VALUES (1, 'x')`);
    });

    test('away at the start: it can be interrupted, and an account that is refused is not tried again', async (t) => {
        const options = { ...mariadb.at.options('comet_late'), 'ws.port': 0, 'cometql.port': 0, 'main.password': 'x' };
        const waiting = new Process(words({ ...options, 'db.port': 1 }));
        t.after(() => waiting.kill('SIGKILL'));
        await until(() => waiting.stderr.includes('trying again in 5 s'), 'the line that says so');
        waiting.kill('SIGTERM');
        assert.equal((await waiting.end()).code, 1);
        const refused = await run(words({ ...options, 'db.password': 'wrong' }));
        assert.equal(refused.code, 1);
        assert.match(refused.stderr, /Access denied for user 'comet'/);
        assert.doesNotMatch(refused.stderr, /trying again/);
    });
});
