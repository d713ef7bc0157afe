// CometQL over the MySQL protocol: statements, errors, limits, quoting, and what happens below the statements.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import mysql from 'mysql2/promise';
import { CAP, COM, command, isEof, isErr, isOk, loginPayload, nativePassword, packet, parseErr, RawSql, rawSql } from './support/mysql_raw.js';
import { residentBytes, serverForSuite, serverForTest } from './support/server.js';
import { visit } from './support/visitor.js';
import { turn, until } from './support/wait.js';

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The error a statement is refused with. */
async function refusal(server, sql, user) {
    try {
        await server.query(sql, [], user);
    } catch (error) {
        assert.ok(error.errno, `no error of the server: ${error}`);
        return { code: error.errno, text: error.sqlMessage, state: error.sqlState };
    }
    return assert.fail(`not refused: ${sql}`);
}

const values = (rows) => rows.map((row) => Object.values(row));
const texts = async (server, name) => (await server.query(`SELECT message FROM pipes_messages WHERE name = '${name}'`)).map((row) => row.message);

describe('statements', () => {
    const suite = serverForSuite();

    test('INSERT and DELETE report the affected rows and ids of the protocol', async () => {
        const cases = [
            ["INSERT INTO pipes_messages (name, event, message) VALUES ('web_ok', 'e', 'm')", 0, 0],
            ["INSERT INTO pipes_settings (name, length) VALUES ('web_ok', 5)", 1, 0],
            ["DELETE FROM pipes_settings WHERE name = 'web_ok'", 0, 0],
            ["DELETE FROM pipes_messages WHERE name = 'web_never'", 0, 0],
        ];
        for (const [sql, affected, id] of cases) {
            const { affectedRows, insertId } = await suite.at.query(sql);
            assert.deepEqual({ affectedRows, insertId }, { affectedRows: affected, insertId: id }, sql);
        }
    });

    test('forms that are accepted as they are', async () => {
        const forms = [
            "insert into pipes_messages (name, event, message) values ('web_form', 'e', 'm')",
            "Insert Into pipes_messages (name,event,message)values('web_form','e','m')",
            'INSERT INTO pipes_messages ("name", "event", "message") VALUES ("web_form", "e", "m")',
            "INSERT INTO pipes_messages ('name', 'event', 'message') VALUES ('web_form', 'e', 'm')",
            "INSERT INTO `pipes_messages` (`name`, `event`, `message`) VALUES ('web_form', 'e', 'm')",
            "INSERT INTO PIPES_MESSAGES (NAME, Event, message) VALUES ('web_form', 'e', 'm')",
            "INSERT INTO pipes_messages (name, event, message) VALUES (web_form, e, 17);;",
            "INSERT INTO pipes_messages (message, event, name) VALUES ('m', '', 'web_form') ;  \n\t",
            "INSERT INTO pipes_messages (id, time, name, index, event, message, user_id) VALUES ('x', 1, 'web_form', 2, 'e', 'm', 3)",
            "INSERT INTO pipes_messages VALUES ('x', 1, 'web_form', 2, 'e', 'm', 3)",
            "/* a comment */ INSERT /* another */ INTO pipes_messages (name, event, message) -- and a third\n VALUES ('web_form', 'e', 'm') # the last",
            "insert into pipes_settings (name, length) values ('web_form', '7')",
            'insert into pipes_settings ("name", "length") values ("web_form", "7")',
            "insert into pipes_settings (name) values ('web_form')",
            "select name from pipes where name in ('web_a', \"web_b\", web_c)",
            "select name from pipes where name like 'web_a'",
            "select * from pipes_messages where name = 'web_form' and event = 'e'",
            "select * from pipes_messages where name = 'web_form' limit 1;",
            "select * from pipes_messages where name = 'web_form' limit 0, 2",
            "delete from pipes_messages where name in ('web_form')",
            "delete from pipes_settings where name = 'web_form'",
            ';;;;;', '     ',
        ];
        for (const sql of forms) {
            await suite.at.query(sql).catch((error) => assert.fail(`${sql}: ${error.message}`));
        }
    });

    test('what clients send at connect is answered', async () => {
        const fine = [
            "SET NAMES utf8mb4", "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci'", 'set autocommit=0', 'SET AUTOCOMMIT = 1',
            "SET @@session.autocommit = OFF", "set session sql_mode='STRICT_ALL_TABLES'", 'SET character_set_results = NULL',
            'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED', 'SET main useQueryLoger 1',
            'COMMIT', 'ROLLBACK', 'BEGIN', 'START TRANSACTION', 'commit;', 'USE CometQL_v1', 'USE db_0', 'use `CometQL_v1`',
            'SHOW WARNINGS', 'SHOW VARIABLES', "SHOW VARIABLES LIKE 'sql_mode'", "SHOW VARIABLES LIKE 'character%'",
            "SHOW SESSION VARIABLES LIKE 'lower_case_%'", "SHOW STATUS LIKE 'messages'", 'SHOW FULL TABLES', 'SHOW TABLES FROM CometQL_v1',
            'SHOW TABLE STATUS', 'SHOW FULL COLUMNS FROM pipes_messages', 'SHOW COLUMNS IN pipes', 'DESCRIBE pipes_settings', 'SHOW PROCESSLIST',
            'SHOW STATUS', 'SHOW SESSION STATUS', 'SHOW GLOBAL STATUS', 'SELECT 1', 'SELECT VERSION()', 'SELECT USER()', 'SELECT CURRENT_USER()',
            'SELECT NOW()', 'SELECT UNIX_TIMESTAMP()', 'SELECT CONNECTION_ID()', 'SELECT DATABASE()', 'select DATABASE(), USER() limit 1',
            'select @@version_comment limit 1', 'SELECT @@max_allowed_packet', 'SELECT @@session.autocommit AS a, @@global.tx_isolation AS b',
            '/* mysql-connector-java-8.0.33 */SELECT  @@session.auto_increment_increment AS auto_increment_increment, '
            + '@@character_set_client AS character_set_client, @@character_set_connection AS character_set_connection, '
            + '@@character_set_results AS character_set_results, @@character_set_server AS character_set_server, '
            + '@@collation_server AS collation_server, @@collation_connection AS collation_connection, @@init_connect AS init_connect, '
            + '@@interactive_timeout AS interactive_timeout, @@license AS license, @@lower_case_table_names AS lower_case_table_names, '
            + '@@max_allowed_packet AS max_allowed_packet, @@net_write_timeout AS net_write_timeout, '
            + '@@performance_schema AS performance_schema, @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, '
            + '@@time_zone AS time_zone, @@transaction_isolation AS transaction_isolation, @@wait_timeout AS wait_timeout',
        ];
        for (const sql of fine) {
            await suite.at.query(sql).catch((error) => assert.fail(`${sql}: ${error.message}`));
        }
    });

    test('greetings have sane values', async () => {
        const one = async (sql) => Object.values((await suite.at.query(sql))[0])[0];
        assert.equal(String(await one('SELECT 1')), '1');
        assert.equal(await one('SELECT DATABASE()'), 'CometQL_v1');
        assert.match(await one('SELECT VERSION()'), /^\d+\.\d+\.\d+/);
        assert.equal(await one('SELECT VERSION()'), await one('SELECT @@version'));
        assert.ok(Number(await one('SELECT @@max_allowed_packet')) >= 65536);
        assert.ok(Math.abs(Number(await one('SELECT UNIX_TIMESTAMP()')) - Date.now() / 1000) < 60);
        assert.match(await one('SELECT NOW()'), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
        assert.match(await one('SELECT USER()'), /^root@/);
        assert.ok(Number(await one('SELECT CONNECTION_ID()')) > 0);
        const [row] = await suite.at.query('SELECT @@session.autocommit AS a, DATABASE() AS d LIMIT 1');
        assert.deepEqual(Object.keys(row), ['a', 'd']);
        const [variable] = await suite.at.query("SHOW VARIABLES LIKE 'lower_case_table_names'");
        assert.deepEqual(variable, { Variable_name: 'lower_case_table_names', Value: '0' });
    });

    test('SHOW lists what there is', async () => {
        assert.deepEqual(values(await suite.at.query('SHOW DATABASES')), [['CometQL_v1']]);
        const tables = (await suite.at.query('SHOW TABLES')).map((row) => Object.values(row)[0]);
        for (const name of ['pipes_messages', 'users_in_pipes', 'pipes', 'pipes_settings']) {
            assert.ok(tables.includes(name), `${name} in ${tables}`);
        }
        const columns = async (table) => (await suite.at.query(`SHOW COLUMNS FROM ${table}`)).map((row) => row.Field);
        assert.deepEqual((await columns('pipes_messages')).slice(0, 7), ['id', 'time', 'name', 'index', 'event', 'message', 'user_id']);
        assert.deepEqual(await columns('pipes_settings'), ['name', 'length']);
        assert.deepEqual(await columns('pipes'), ['name', 'users']);
        assert.deepEqual((await columns('users_in_pipes')).slice(0, 7), ['name', 'user_id', 'user_uuid', 'user_agent', 'ip', 'origin', 'language']);
        assert.equal((await refusal(suite.at, 'SHOW COLUMNS FROM shop')).code, 15);

        const [row] = await suite.at.query('DESCRIBE pipes');
        assert.deepEqual(Object.keys(row), ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra']);

        const processes = await suite.at.query('SHOW PROCESSLIST');
        assert.deepEqual(Object.keys(processes[0]), ['ServiceName', 'id', 'status', 'count']);
        assert.ok(processes.some((process) => process.ServiceName === 'ws') && processes.some((process) => process.ServiceName === 'cometql'));

        const session = Object.fromEntries(values(await suite.at.query('SHOW STATUS')));
        assert.deepEqual(Object.keys(session).slice(0, 5), ['flag', 'id', 'user_online', 'server_online', 'messages']);
        assert.equal(session.flag, 'session');
        assert.equal(session.id, '0');

        const global = await suite.at.query('SHOW GLOBAL STATUS');
        assert.deepEqual(global.slice(0, 23).map((r) => r.Variable_name), [
            'flag', 'uptime', 'uptime_in_hours', 'uptime_in_days', 'frontend_name', 'backend_name', 'frontend_stat_interval',
            'backend_stat_interval', 'frontend_online', 'backend_online', 'frontend_messages', 'backend_messages', 'frontend_add_client',
            'backend_add_client', 'frontend_delete_client', 'backend_delete_client', 'frontend_messages_ps', 'backend_messages_ps',
            'frontend_add_client_ps', 'backend_add_client_ps', 'frontend_delete_client_ps', 'backend_delete_client_ps', 'network_events']);
        assert.ok(global.every((r) => typeof r.Value === 'string'));
        for (const name of ['Uptime', 'Uptime_since_flush_status', 'Connections', 'Threads_connected', 'Queries', 'Questions']) {
            assert.match(global.find((r) => r.Variable_name === name).Value, /^\d+$/, `tools for MySQL look for ${name}`);
        }
    });

    test('SHOW STATUS counts who is online', async (t) => {
        const online = async (name) => Object.fromEntries(values(await suite.at.query('SHOW STATUS', [], '21')))[name];
        assert.equal(await online('user_online'), '0');
        const visitor = await visit(t, suite.at, { dev: 21 });
        await visitor.subscribe('web_status');
        assert.equal(await online('user_online'), '1');
        assert.equal(await online('server_online'), '1');
        assert.equal(await online('id'), '21');
    });
});

describe('tables', () => {
    const suite = serverForSuite();

    test('pipes has one row for every valid name, in the order of the list', async (t) => {
        const visitor = await visit(t, suite.at);
        await visitor.subscribe('web_here');
        const rows = await suite.at.query("SELECT * FROM pipes WHERE name IN ('web_none', 'web_here', 'b@d', 'x', 'web_none')");
        assert.deepEqual(values(rows), [['web_none', '0'], ['web_here', '1'], ['web_none', '0']]);
        assert.deepEqual(values(await suite.at.query("SELECT users, name FROM pipes WHERE name = 'web_here'")), [['1', 'web_here']]);
    });

    test('users_in_pipes shows each connection, the newest subscription first, with what its request said', async (t) => {
        const headers = { 'User-Agent': 'browser/1', Origin: 'http://example.org', 'Accept-Language': 'cs,en;q=0.5' };
        const first = await visit(t, suite.at, { headers });
        await first.subscribe('web_members');
        const second = await visit(t, suite.at, { headers: { 'user-agent': 'b'.repeat(300) } });
        await second.subscribe('web_members');
        const rows = await suite.at.query("SELECT * FROM users_in_pipes WHERE name = 'web_members'");
        assert.deepEqual(rows.map((row) => row.user_uuid), [second.uuid, first.uuid]);
        assert.deepEqual({ ...rows[1] }, { name: 'web_members', user_id: '0', user_uuid: first.uuid, user_agent: 'browser/1', ip: '127.0.0.1',
                                           origin: 'http://example.org', language: 'cs,en;q=0.5' });
        assert.equal(rows[0].user_agent, 'b'.repeat(250));
        assert.equal(rows[0].origin, '');
        const both = await suite.at.query("SELECT user_id, user_uuid FROM users_in_pipes WHERE name IN ('web_nobody', 'web_members')");
        assert.equal(both.length, 2);
        await second.vanish();
        await suite.at.untilCount('web_members', 1);
    });

    test('pipes_settings: set, read, replaced, clamped, dropped', async () => {
        const set = (length) => suite.at.query(`INSERT INTO pipes_settings (name, length) VALUES ('web_set', ${length})`);
        const read = async () => values(await suite.at.query("SELECT name, length FROM pipes_settings WHERE name IN ('web_set', 'web_unset')"));
        assert.deepEqual(await read(), []);
        for (const [given, kept] of [['10', '10'], ['25', '25'], ["'30'", '30'], ['5000', '1000'], ['0', '0'], ["'-5'", '0'], ["'abc'", '0']]) {
            await set(given);
            assert.deepEqual(await read(), [['web_set', kept]], given);
        }
        await suite.at.query("DELETE FROM pipes_settings WHERE name = 'web_set'");
        assert.deepEqual(await read(), []);
    });

    test('history keeps exactly the newest, in order, also in a burst', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 3)");
        for (let i = 1; i <= 5; i++) {
            await suite.at.publish('web_log', 'e', `m${i}`);
        }
        const rows = await suite.at.query("SELECT * FROM pipes_messages WHERE name = 'web_log'");
        assert.deepEqual(rows.map((row) => row.message), ['m3', 'm4', 'm5']);
        assert.deepEqual(rows.map((row) => row.index), ['0', '1', '2']);
        for (const row of rows) {
            assert.match(row.id, UUID_TEXT);
            assert.ok(Math.abs(Number(row.time) - Date.now() / 1000) < 60);
            assert.deepEqual([row.name, row.event, row.user_id], ['web_log', 'e', '0']);
        }
        assert.equal(new Set(rows.map((row) => row.id)).size, 3);
        assert.deepEqual(Object.keys(rows[0]), ['id', 'time', 'name', 'index', 'event', 'message', 'user_id']);
    });

    test('without a setting nothing is kept, and a channel with length 0 stops recording but keeps what it has', async () => {
        await suite.at.publish('web_unkept', 'e', 'm');
        assert.deepEqual(await texts(suite.at, 'web_unkept'), []);
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_stop', 5)");
        await suite.at.publish('web_stop', 'e', 'kept');
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_stop', 0)");
        await suite.at.publish('web_stop', 'e', 'not kept');
        assert.deepEqual(await texts(suite.at, 'web_stop'), ['kept']);
    });

    test('DELETE takes no more than its LIMIT, the oldest first', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_dellimit', 10)");
        for (let i = 1; i <= 4; i++) {
            await suite.at.publish('web_dellimit', 'e', `m${i}`);
        }
        await suite.at.query("DELETE FROM pipes_messages WHERE name = 'web_dellimit' LIMIT 0");
        assert.equal((await texts(suite.at, 'web_dellimit')).length, 4);
        await suite.at.query("DELETE FROM pipes_messages WHERE name = 'web_dellimit' LIMIT 1");
        assert.deepEqual(await texts(suite.at, 'web_dellimit'), ['m2', 'm3', 'm4']);
        const ids = (await suite.at.query("SELECT id FROM pipes_messages WHERE name = 'web_dellimit'")).map((row) => row.id);
        await suite.at.query(`DELETE FROM pipes_messages WHERE id IN ('${ids.join("','")}') LIMIT 2`);
        assert.deepEqual(await texts(suite.at, 'web_dellimit'), ['m4']);
        await suite.at.query("DELETE FROM pipes_settings WHERE name = 'web_dellimit' LIMIT 1");
        assert.deepEqual(await texts(suite.at, 'web_dellimit'), []);
        assert.deepEqual(await suite.at.query("SELECT * FROM pipes_settings WHERE name = 'web_dellimit'"), []);
    });

    test('a trust_ channel is recorded without a setting', async () => {
        await suite.at.publish('trust_log', 'e', 'm1');
        await suite.at.publish('trust_log', 'e', 'm2');
        assert.deepEqual(await texts(suite.at, 'trust_log'), ['m1', 'm2']);
        await suite.at.query("DELETE FROM pipes_messages WHERE name = 'trust_log'");
        assert.deepEqual(await texts(suite.at, 'trust_log'), []);
    });

    test('an empty event is stored as undefined', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_noevent', 5)");
        await suite.at.publish('web_noevent', '', 'm');
        assert.deepEqual(values(await suite.at.query("SELECT event FROM pipes_messages WHERE name = 'web_noevent'")), [['undefined']]);
    });

    test('history is dropped by channel, by message id, and with its setting', async () => {
        for (const name of ['web_drop_a', 'web_drop_b']) {
            await suite.at.query(`INSERT INTO pipes_settings (name, length) VALUES ('${name}', 10)`);
            for (const text of ['1', '2', '3']) {
                await suite.at.publish(name, 'e', `${name}${text}`);
            }
        }
        const [, middle] = await suite.at.query("SELECT id FROM pipes_messages WHERE name = 'web_drop_a'");
        await suite.at.query(`DELETE FROM pipes_messages WHERE id = '${middle.id}'`);
        assert.deepEqual(await texts(suite.at, 'web_drop_a'), ['web_drop_a1', 'web_drop_a3']);
        await suite.at.query("DELETE FROM pipes_messages WHERE name = 'web_drop_a'");
        assert.deepEqual(await texts(suite.at, 'web_drop_a'), []);
        assert.equal((await texts(suite.at, 'web_drop_b')).length, 3, 'others stay');
        await suite.at.query("DELETE FROM pipes_settings WHERE name = 'web_drop_b'");
        assert.deepEqual(await texts(suite.at, 'web_drop_b'), []);
    });

    test('further conditions filter, LIMIT counts as in MySQL', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_limit', 10)");
        for (let i = 0; i < 5; i++) {
            await suite.at.publish('web_limit', i % 2 ? 'odd' : 'even', `m${i}`);
        }
        const read = async (rest) => (await suite.at.query(`SELECT message FROM pipes_messages WHERE name = 'web_limit' ${rest}`)).map((r) => r.message);
        assert.deepEqual(await read("AND event = 'odd'"), ['m1', 'm3']);
        assert.deepEqual(await read("AND event = 'odd' LIMIT 1"), ['m1']);
        assert.deepEqual(await read('LIMIT 2'), ['m0', 'm1']);
        assert.deepEqual(await read('LIMIT 0, 2'), ['m0', 'm1']);
        assert.deepEqual(await read('LIMIT 1, 2'), ['m1', 'm2']);
        assert.deepEqual(await read('LIMIT 4, 9'), ['m4']);
        assert.deepEqual(await read('LIMIT 9, 9'), []);
        const [first] = await suite.at.query("SELECT id FROM pipes_messages WHERE name = 'web_limit'");
        assert.deepEqual(await read(`AND id = '${first.id}'`), ['m0']);
    });

    test('the 99 newest of a longer history come back, oldest first, with indexes across the whole result', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_long', 150)");
        const sends = [];
        for (let i = 0; i < 160; i++) {
            sends.push(suite.at.publish('web_long', 'e', `m${i}`));
        }
        await Promise.all(sends);
        const rows = await suite.at.query("SELECT index, message FROM pipes_messages WHERE name = 'web_long'");
        assert.ok(rows.length === 99 || rows.length === 150, `${rows.length} rows`);
        assert.deepEqual(rows.map((row) => row.message), Array.from({ length: rows.length }, (_, i) => `m${160 - rows.length + i}`));
        const two = await suite.at.query("SELECT name, index FROM pipes_messages WHERE name IN ('web_long', 'web_log', 'web_long')");
        assert.deepEqual(two.map((row) => row.index), two.map((_, i) => String(i)));
    });
});

describe('errors', () => {
    const suite = serverForSuite();
    const long65 = 'x'.repeat(65);
    const rows = (code, text, ...statements) => statements.map((sql) => ({ code, text, sql }));

    const refused = [
        ...rows(2, /stand alone/,
                "SELECT * FROM pipes JOIN pipes_settings WHERE name = 'web_a'", "SELECT * FROM pipes, information_schema.tables WHERE name = 'web_a'",
                "SELECT 1 UNION SELECT name FROM pipes WHERE name = 'web_a'", "SELECT * FROM (SELECT * FROM pipes WHERE name = 'web_a') AS x"),
        ...rows(2, /ORDER BY is not yet implemented in DELETE/, "DELETE FROM pipes_messages WHERE name = 'web_a' ORDER BY id"),
        ...rows(3, /Syntax error in query/,
                'UPDATE pipes SET users = 1', "REPLACE INTO pipes_settings (name) VALUES ('web_a')", 'TRUNCATE pipes', 'hello world',
                "INSERT IGNORE INTO pipes_settings (name) VALUES ('web_a')",
                "INSERT INTO pipes_settings SET name = 'web_a'", "SELECT COUNT(*, 1) FROM pipes WHERE name = 'web_a'",
                "SELECT NOSUCH(name) FROM pipes WHERE name = 'web_a'", "SELECT LEFT(name) FROM pipes WHERE name = 'web_a'", 'SELECT foo',
                "SELECT name FROM pipes WHERE COUNT(*) > 1", "SELECT * FROM pipes WHERE name IN ()", 'SELECT FROM pipes', 'SELECT * FROM',
                "INSERT INTO pipes_messages (name, event, message) VALUES ('web_a', 'e', 'unterminated)", 'DELETE pipes', 'CREATE TABLE x (y int)',
                "INSERT INTO pipes_messages (name, event, message) VALUES ('web_a', 'e')  extra"),
        ...rows(10, /read only/,
                "INSERT INTO pipes (name, users) VALUES ('web_a', 1)", "DELETE FROM pipes WHERE name = 'web_a'",
                "INSERT INTO users_in_pipes (name) VALUES ('web_a')", "DELETE FROM users_in_pipes WHERE name = 'web_a'",
                "INSERT INTO users_time (id, time) VALUES (1, 1)", 'DELETE FROM users_time WHERE id = 1'),
        ...rows(11, /Channel name is too long/,
                `INSERT INTO pipes_messages (name, event, message) VALUES ('${long65}', 'e', 'm')`,
                `INSERT INTO pipes_settings (name, length) VALUES ('${long65}', 1)`),
        ...rows(11, /event.* too long/i, `INSERT INTO pipes_messages (name, event, message) VALUES ('web_a', '${long65}', 'm')`),
        ...rows(12, /field `name` is required/, "INSERT INTO pipes_messages (event, message) VALUES ('e', 'm')",
                "INSERT INTO pipes_messages (message) VALUES ('m')", 'INSERT INTO pipes_settings (length) VALUES (5)'),
        ...rows(12, /field `event` is required/, "INSERT INTO pipes_messages (name) VALUES ('web_a')",
                "INSERT INTO pipes_messages (name, message) VALUES ('web_a', 'm')"),
        ...rows(12, /field `message` is required/, "INSERT INTO pipes_messages (name, event) VALUES ('web_a', 'e')"),
        ...rows(12, /characters? A-Za-z0-9_-/,
                "INSERT INTO pipes_messages (name, event, message) VALUES ('web a', 'e', 'm')",
                "INSERT INTO pipes_messages (name, event, message) VALUES ('web_\u0416', 'e', 'm')",
                "INSERT INTO pipes_messages (name, event, message) VALUES ('web_a', 'e.f', 'm')",
                "INSERT INTO pipes_settings (name, length) VALUES ('web.a', 1)"),
        ...rows(13, /primary key/,
                'SELECT * FROM pipes', 'SELECT * FROM pipes_messages', 'SELECT * FROM pipes_settings', 'SELECT * FROM users_in_pipes',
                "SELECT * FROM pipes_messages WHERE id = 'x'", "SELECT * FROM pipes_messages WHERE event = 'x'", 'DELETE FROM pipes_messages',
                'DELETE FROM pipes_settings', "DELETE FROM pipes_messages WHERE event = 'e'",
                "SELECT * FROM pipes WHERE NOT name = 'web_a'", "SELECT * FROM pipes WHERE name BETWEEN 'a' AND 'b'",
                'SELECT * FROM pipes WHERE name IS NULL', "SELECT * FROM pipes WHERE name NOT IN ('web_a')",
                "SELECT * FROM pipes_messages WHERE name = 'web_a' OR event = 'e'", 'SELECT COUNT(*) FROM pipes',
                "SELECT * FROM pipes_messages WHERE name = 'web_a' OR NOT (name = 'web_b')",
                "DELETE FROM pipes_messages WHERE name = 'web_a' OR id = 'x'"),
        ...rows(13, /./, "SELECT * FROM pipes WHERE name > 'web_a'", "SELECT * FROM pipes WHERE name < 'web_a'"),
        ...rows(13, /conditions used only once/, "SELECT * FROM pipes WHERE name = 'web_a' AND name = 'web_b'"),
        ...rows(13, /select used only once/, "SELECT name, name FROM pipes WHERE name = 'web_a'"),
        ...rows(13, /insert used only once/, "INSERT INTO pipes_settings (name, name) VALUES ('web_a', 'web_b')"),
        ...rows(14, /Not a specific column/,
                "SELECT price FROM pipes WHERE name = 'web_a'", "SELECT * FROM pipes WHERE price = 1",
                "INSERT INTO pipes_settings (name, price) VALUES ('web_a', 1)", "DELETE FROM pipes_settings WHERE price = 1"),
        ...rows(14, /Error in columns list/,
                "INSERT INTO pipes_settings (name, length) VALUES ('web_a')", "INSERT INTO pipes_settings VALUES ('web_a')",
                "INSERT INTO pipes_messages (name) VALUES ('web_a', 'e')"),
        ...rows(15, /Table doesn't exist/, 'SELECT * FROM shop WHERE id = 1', "INSERT INTO shop (id) VALUES (1)", 'DELETE FROM shop WHERE id = 1',
                'DESCRIBE shop'),
        ...rows(15, /Select database failure/, 'USE shop', 'USE cometql_v1', 'USE db_abc', 'USE db_', 'USE db_100000'),
        ...rows(17, /Data is too short/, 'abc', ';', '   ', 'x'),
        ...rows(17, /Channel name is too short/, "INSERT INTO pipes_messages (name, event, message) VALUES ('ab', 'e', 'm')",
                "INSERT INTO pipes_settings (name, length) VALUES ('ab', 1)"),
        ...rows(18, /too many/i, `SELECT * FROM pipes_messages WHERE ${Array(11).fill("name = 'web_a'").join(' AND ')}`),
        ...rows(19, /too many/i, `SELECT * FROM pipes WHERE name IN (${Array(4001).fill("'web_a'").join(',')})`,
                `INSERT INTO pipes_messages VALUES (${Array(21).fill("'x'").join(',')})`),
        ...rows(20, /too many/i, `SELECT ${Array(21).fill('name').join(',')} FROM pipes WHERE name = 'web_a'`),
        ...rows(21, /too many/i, `INSERT INTO pipes_messages (${Array(21).fill('name').join(',')}) VALUES ('x')`),
    ];
    for (const { code, text, sql } of refused) {
        test(`${code}: ${sql.length > 100 ? `${sql.slice(0, 90)}…` : sql}`, async () => {
            const error = await refusal(suite.at, sql);
            assert.equal(error.code, code, error.text);
            assert.match(error.text, text);
            assert.equal(error.state, 'HY000');
        });
    }

    test('10 conditions, 20 columns and 4000 values are not too many', async () => {
        assert.equal((await refusal(suite.at, `SELECT * FROM pipes WHERE ${Array(10).fill("name = 'web_a'").join(' AND ')}`)).code, 13);
        assert.equal((await suite.at.query(`SELECT name FROM pipes WHERE name IN (${Array(4000).fill("'web_a'").join(',')})`)).length, 4000);
        assert.equal((await refusal(suite.at, `SELECT ${Array(20).fill('name').join(',')} FROM pipes WHERE name = 'web_a'`)).code, 13);
    });

    test('ORDER BY sorts', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_order', 5)");
        for (const text of ['b', 'c', 'a']) {
            await suite.at.publish('web_order', 'e', text);
        }
        const sql = "SELECT message FROM pipes_messages WHERE name = 'web_order' ORDER BY message";
        assert.deepEqual(values(await suite.at.query(sql)), [['a'], ['b'], ['c']]);
        assert.deepEqual(values(await suite.at.query(`${sql} DESC LIMIT 2`)), [['c'], ['b']]);
    });

    test('two statements in one query are never merged', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_two', 5)");
        const one = (text) => `INSERT INTO pipes_messages (name, event, message) VALUES ('web_two', 'e', '${text}')`;
        const error = await refusal(suite.at, `${one('first')}; ${one('second')}`);
        assert.equal(error.code, 3);
        assert.deepEqual(await texts(suite.at, 'web_two'), []);
    });

    test('rows that are listed together are all published, in order, or none is', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_rows', 5)");
        const insert = (rows) => `INSERT INTO pipes_messages (name, event, message) VALUES ${rows}`;
        await suite.at.query(insert("('web_rows', 'e', 'a'), ('web_rows', 'e', 'b'), ('web_rows', 'e', 'c')"));
        assert.deepEqual(await texts(suite.at, 'web_rows'), ['a', 'b', 'c']);
        assert.equal((await refusal(suite.at, insert("('web_rows', 'e', 'd'), ('web.rows', 'e', 'f')"))).code, 12);
        assert.equal((await refusal(suite.at, insert("('web_rows', 'e', 'd'), ('web_rows', 'e')"))).code, 14);
        assert.equal((await refusal(suite.at, insert("('web_rows', 'e', 'd'),"))).code, 3);
        assert.deepEqual(await texts(suite.at, 'web_rows'), ['a', 'b', 'c']);
    });

    test('parentheses around conditions change nothing, and do not hide an OR', async () => {
        assert.deepEqual(values(await suite.at.query("SELECT * FROM pipes WHERE (name = 'web_a')")), [['web_a', '0']]);
        assert.deepEqual(await suite.at.query("SELECT * FROM pipes_messages WHERE (name = 'web_a') AND ((event = 'e'))"), []);
        assert.equal((await refusal(suite.at, "SELECT * FROM pipes_messages WHERE (name = 'web_a' OR event = 'e')")).code, 13);
        assert.equal((await refusal(suite.at, "SELECT * FROM pipes WHERE (name = 'web_a'")).code, 3);
    });

    test('the connection survives every refusal', async () => {
        const before = await suite.at.query('SELECT CONNECTION_ID()');
        for (const { sql } of refused.slice(0, 20)) {
            await refusal(suite.at, sql);
        }
        assert.deepEqual(await suite.at.query('SELECT CONNECTION_ID()'), before);
    });

    test('a refused INSERT publishes nothing', async (t) => {
        const visitor = await visit(t, suite.at);
        await visitor.subscribe('web_refused');
        await refusal(suite.at, "INSERT INTO pipes_messages (name, event, message) VALUES ('web_refused', 'e.f', 'm')");
        await refusal(suite.at, "INSERT INTO pipes_messages (name, event) VALUES ('web_refused', 'e')");
        await suite.at.publish('web_refused', 'e', 'fence');
        assert.equal((await visitor.on('web_refused')).data, 'fence');
    });

    test('unusable names are skipped in SELECT and DELETE', async () => {
        assert.deepEqual(await suite.at.query("SELECT * FROM pipes WHERE name = 'a b'"), []);
        assert.deepEqual(await suite.at.query(`SELECT * FROM pipes_messages WHERE name = '${long65}'`), []);
        await suite.at.query("DELETE FROM pipes_messages WHERE name = '!'");
        await suite.at.query("DELETE FROM pipes_settings WHERE name = ''");
        await suite.at.query("DELETE FROM pipes_messages WHERE id = 'not an id'");
    });
});

describe('texts', () => {
    const suite = serverForSuite();

    // [ as written in SQL, as published ]: a backslash protects the next character and stays; a doubled quote is one quote.
    const literals = [
        ["'it''s'", "it's"], ["'it\\'s'", "it\\'s"], ['"dq "" x"', 'dq " x'], ['"dq \\" x"', 'dq \\" x'], [`'a\\\\b \\n "q"'`, `a\\\\b \\n "q"`],
        [`'{"t":"\\u0416"}'`, `{"t":"\\u0416"}`], [`"it's"`, "it's"], [`'say "hi"'`, 'say "hi"'], ["'x\\\\'", 'x\\\\'], ["''", ''], ['""', ''],
        ["''''", "'"], ["'a''''b'", "a''b"], ["'line\nbreak\ttab'", 'line\nbreak\ttab'], ["'a; b -- c /* d */ # e'", 'a; b -- c /* d */ # e'],
        ["'привет 😀 \u2028'", 'привет 😀 \u2028'], ["'status'", 'status'], ['42', '42'], ['word', 'word'], ["'-5'", '-5'], ["'%\\_'", '%\\_'],
        ["'\\0\\Z\\%'", '\\0\\Z\\%'], ["'null'", 'null'],
    ];
    for (const [written, published] of literals) {
        test(`${written} is published and kept as ${JSON.stringify(published)}`, async (t) => {
            await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_text', 1)");
            const visitor = await visit(t, suite.at);
            await visitor.subscribe('web_text');
            await suite.at.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_text', 'e', ${written})`);
            assert.equal((await visitor.on('web_text')).data, published);
            assert.deepEqual(await texts(suite.at, 'web_text'), [published]);
        });
    }

    test('a value that ends with an escaped backslash does not swallow the next', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_swallow', 1)");
        await suite.at.query(`INSERT INTO pipes_messages (message, name, event) VALUES ('x\\\\', 'web_swallow', 'e')`);
        assert.deepEqual(await texts(suite.at, 'web_swallow'), ['x\\\\']);
    });

    test('invalid UTF-8 in a statement is refused with error 12', async (t) => {
        const raw = await rawSql(t, suite.at);
        for (const bad of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc0, 0x80], [0xe2, 0x82]]) {
            const sql = Buffer.concat([Buffer.from("INSERT INTO pipes_messages (name, event, message) VALUES ('web_utf', 'e', '"), Buffer.from(bad),
                                       Buffer.from("')")]);
            const { error } = await raw.ask(COM.query, sql);
            assert.equal(error?.code, 12, Buffer.from(bad).toString('hex'));
        }
        assert.ok((await raw.ask(COM.ping)).ok);
    });

    test('cells of any length come back whole', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_cells', 50)");
        const sizes = [0, 1, 250, 251, 252, 255, 256, 65535, 65536, 70000];
        for (const size of sizes) {
            await suite.at.publish('web_cells', 'e', 'x'.repeat(size));
        }
        assert.deepEqual((await texts(suite.at, 'web_cells')).map((text) => text.length), sizes);
    });

    test('a result far larger than a socket buffer comes back whole', async () => {
        await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_big', 90)");
        for (let i = 0; i < 90; i++) {
            await suite.at.publish('web_big', 'e', `${i}:${'y'.repeat(60000)}`);
        }
        const all = await texts(suite.at, 'web_big');
        assert.deepEqual(all.map((text) => Number(text.split(':')[0])), Array.from({ length: 90 }, (_, i) => i));
        assert.ok(all.every((text) => text.length > 60000));
    });
});

describe('sessions', () => {
    const suite = serverForSuite();

    test('the handshake is honest', async (t) => {
        const salts = new Set();
        for (let i = 0; i < 8; i++) {
            const raw = new RawSql(suite.at);
            t.after(() => raw.destroy());
            const greeting = await raw.greet();
            assert.equal(greeting.protocol, 10);
            assert.match(greeting.version, /^\d+\.\d+\.\d+/);
            assert.equal(greeting.plugin, 'mysql_native_password');
            assert.equal(greeting.authLength, 21);
            assert.equal(greeting.status, 2);
            assert.equal(greeting.capabilities & CAP.ssl, 0, 'no TLS');
            assert.equal(greeting.capabilities & CAP.compress, 0, 'no compression');
            assert.ok(greeting.capabilities & CAP.protocol41 && greeting.capabilities & CAP.secure && greeting.capabilities & CAP.pluginAuth);
            assert.ok([33, 45, 255, 224].includes(greeting.charset), `character set ${greeting.charset}`);
            assert.ok(!greeting.salt.includes(0));
            salts.add(greeting.salt.toString('hex'));
        }
        assert.equal(salts.size, 8);
    });

    test('who may log in', async (t) => {
        const cases = [
            [{ user: 'root' }, null], [{ user: '0' }, null], [{ user: '15' }, null], [{ user: '99999' }, null], [{ database: '' }, null],
            [{ database: 'db_7' }, null], [{ user: 'root', password: 'wrong' }, 16], [{ user: 'bob' }, 16], [{ user: '100000' }, 16],
            [{ user: '-1' }, 16], [{ user: '1x' }, 16], [{ user: '99999999999999999999' }, 16], [{ user: 'root', password: null }, 16],
            [{ user: '', password: null }, 16], [{ database: 'shop' }, 15], [{ database: 'db_x' }, 15],
        ];
        for (const [login, code] of cases) {
            const raw = new RawSql(suite.at);
            t.after(() => raw.destroy());
            const answer = await raw.login(login);
            assert.equal(answer.sequence, 2);
            if (code === null) {
                assert.ok(isOk(answer), `${JSON.stringify(login)}: ${isErr(answer) && parseErr(answer).text}`);
                assert.equal((await raw.ask(COM.query, "SELECT users FROM pipes WHERE name = 'web_a'")).rows[0][0], '0');
            } else {
                assert.ok(isErr(answer), JSON.stringify(login));
                assert.equal(parseErr(answer).code, code, JSON.stringify(login));
                await raw.untilEnd();
            }
        }
    });

    test('a load balancer may look without a password but ask nothing', async (t) => {
        const raw = new RawSql(suite.at);
        t.after(() => raw.destroy());
        assert.ok(isOk(await raw.login({ user: 'haproxy_check', password: null, database: '' })));
        assert.ok((await raw.ask(COM.ping)).ok);
        const { error } = await raw.ask(COM.query, 'show databases');
        assert.equal(error.code, 403);
        assert.match(error.text, /Access denied/);
        assert.equal((await raw.ask(COM.query, 'SHOW PROCESSLIST')).error.code, 403);
        assert.equal((await raw.ask(COM.fieldList, 'users_auth\0')).error.code, 403);
        await raw.write(command(COM.quit));
        await raw.untilEnd();
    });

    test('who has come without a password does not try one after the other', async (t) => {
        const refused = async () => Number((await suite.at.query("SHOW GLOBAL STATUS LIKE 'sql_logins_refused'"))[0].Value);
        const before = await refused();
        const raw = new RawSql(suite.at);
        t.after(() => raw.destroy());
        assert.ok(isOk(await raw.login({ user: 'haproxy_check', password: null, database: '' })));
        const guess = Buffer.concat([Buffer.from('haproxy_check\0'), Buffer.from([20]), Buffer.alloc(20, 7),
                                     Buffer.from('\0\x2d\0mysql_native_password\0')]);
        assert.equal((await raw.ask(COM.changeUser, guess)).error.code, 403);
        await raw.untilEnd();
        assert.equal(await refused(), before + 1);
    });

    test('a load balancer may send its farewell with its login', async (t) => {
        const raw = new RawSql(suite.at);
        t.after(() => raw.destroy());
        await raw.greet();
        await raw.write(Buffer.concat([packet(1, loginPayload({ user: 'haproxy_check', auth: Buffer.alloc(0) })), command(COM.quit)]));
        assert.ok(isOk(await raw.nextPacket()));
        await raw.untilEnd();
    });

    test('commands other than queries', async (t) => {
        const raw = await rawSql(t, suite.at);
        assert.deepEqual([...(await raw.ask(COM.ping)).ok.subarray(0, 7)], [0, 0, 0, 2, 0, 0, 0], 'the status is autocommit');
        assert.ok((await raw.ask(COM.initDb, 'CometQL_v1')).ok);
        assert.ok((await raw.ask(COM.initDb, 'db_3')).ok);
        for (const name of ['shop', 'db_-1', 'db_', 'db_x', 'db_1x', 'db_100000', 'db_99999999999999999999', '']) {
            assert.equal((await raw.ask(COM.initDb, name)).error?.code, 15, name);
        }
        assert.ok((await raw.ask(COM.reset)).ok);
        const unknown = await raw.ask(COM.unknown);
        assert.equal(unknown.error.code, 1047);
        assert.equal(unknown.sequence, 1);
        await raw.write(packet(0, Buffer.alloc(0)));
        assert.equal(parseErr(await raw.nextPacket()).code, 1047, 'an empty packet');
        await raw.write(command(COM.setOption, '\0\0'));
        const option = await raw.nextPacket();
        assert.ok(isEof(option) || isOk(option));
        await raw.write(command(COM.statistics));
        assert.match((await raw.nextPacket()).payload.toString('latin1'), /^[\x20-\x7e]+$/);
        await raw.write(command(COM.quit));
        await raw.untilEnd();
    });

    test('the fields of a table are listed, as a command line with completion asks', async (t) => {
        const raw = await rawSql(t, suite.at);
        await raw.write(command(COM.fieldList, 'pipes\0'));
        const packets = [await raw.nextPacket()];
        while (!isEof(packets.at(-1)) && !isErr(packets.at(-1))) {
            packets.push(await raw.nextPacket());
        }
        assert.ok(isEof(packets.at(-1)));
        assert.ok(packets.length === 1 || packets.length === 3);
        assert.ok((await raw.ask(COM.ping)).ok);
    });

    test('a session changes its user, with the password only', async (t) => {
        const raw = await rawSql(t, suite.at);
        const change = (password) => {
            const auth = nativePassword(password, raw.greeting.salt);
            return Buffer.concat([Buffer.from('15\0'), Buffer.from([20]), auth, Buffer.from('CometQL_v1\0'), Buffer.from([45, 0]),
                                  Buffer.from('mysql_native_password\0')]);
        };
        await raw.write(command(COM.changeUser, change(suite.at.password)));
        const answer = await raw.nextPacket();
        if (isErr(answer)) { // refusing is allowed; pretending is not
            assert.ok([1047, 16, 1045, 2].includes(parseErr(answer).code), `code ${parseErr(answer).code}`);
            return;
        }
        if (answer.payload[0] === 0xfe) { // asked to switch with a new salt
            const salt = answer.payload.subarray(answer.payload.indexOf(0) + 1).subarray(0, 20);
            await raw.write(packet(answer.sequence + 1, nativePassword(suite.at.password, salt)));
            assert.ok(isOk(await raw.nextPacket()));
        } else {
            assert.ok(isOk(answer));
        }
        const status = Object.fromEntries((await raw.ask(COM.query, 'SHOW STATUS')).rows);
        assert.equal(status.id, '15');
    });

    test('the cells of every column are text, with the names of the columns as typed', async () => {
        const connection = await suite.at.connect();
        const [rows, fields] = await connection.query("SELECT USERS, name FROM pipes WHERE name = 'web_a'");
        assert.deepEqual(fields.map((field) => field.columnType), [0xfd, 0xfd]);
        assert.deepEqual(fields.map((field) => field.name), ['USERS', 'name']);
        assert.deepEqual(Object.values(rows[0]), ['0', 'web_a']);
    });

    test('USE and COM_INIT_DB move the session to another app', async (t) => {
        const visitor = await visit(t, suite.at, { dev: 33 });
        await visitor.subscribe('web_moved');
        const connection = await suite.at.connect();
        const users = async () => (await connection.query("SELECT users FROM pipes WHERE name = 'web_moved'"))[0][0].users;
        assert.equal(await users(), '0');
        await connection.query('USE db_33');
        assert.equal(await users(), '1');
        await connection.query('USE db_0');
        assert.equal(await users(), '0');
        await connection.changeUser({ database: 'db_33' });
        assert.equal(await users(), '1');
    });

    test('several statements in a query run one after the other, and an error ends them', async (t) => {
        const connection = await suite.at.connect({ multipleStatements: true });
        t.after(() => connection.end());
        const visitor = await visit(t, suite.at);
        await visitor.subscribe('web_many');
        const [results] = await connection.query(
            "INSERT INTO pipes_settings (name, length) VALUES ('web_many', 5); ;\n"
            + "INSERT INTO pipes_messages (name, event, message) VALUES ('web_many', 'e', 'one; 😀'), ('web_many', 'e', 'two');"
            + "SELECT message FROM pipes_messages WHERE name = 'web_many'; SELECT users FROM pipes WHERE name = 'web_many';");
        assert.equal(results.length, 4);
        assert.deepEqual(values(results[2]), [['one; 😀'], ['two']]);
        assert.deepEqual(values(results[3]), [['1']]);
        assert.equal((await visitor.on('web_many')).data, 'one; 😀');
        assert.equal((await visitor.on('web_many')).data, 'two');
        await assert.rejects(connection.query(
            "INSERT INTO pipes_messages (name, event, message) VALUES ('web_many', 'e', 'three'); SELECT * FROM pipes;"
            + "INSERT INTO pipes_messages (name, event, message) VALUES ('web_many', 'e', 'never')"), { errno: 13 });
        assert.deepEqual(await texts(suite.at, 'web_many'), ['one; 😀', 'two', 'three']);
    });

    test('a second statement is refused where the client has not asked for several', async () => {
        const refused = await refusal(suite.at, "INSERT INTO pipes_settings (name, length) VALUES ('web_single', 5); SELECT 1");
        assert.equal(refused.code, 3);
        assert.match(refused.text, /one statement at a time/);
        assert.deepEqual(await suite.at.query("SELECT * FROM pipes_settings WHERE name = 'web_single'"), []);
    });

    test('an app is isolated from every other', async (t) => {
        const [zero, one, two] = await Promise.all([0, 1, 2].map((dev) => visit(t, suite.at, { dev })));
        for (const visitor of [zero, one, two]) {
            await visitor.subscribe('web_shared');
        }
        for (const user of ['root', '1', '2']) {
            await suite.at.query("INSERT INTO pipes_settings (name, length) VALUES ('web_shared', 5)", [], user);
            await suite.at.publish('web_shared', 'e', `for ${user}`, user);
        }
        assert.equal((await zero.on('web_shared')).data, 'for root');
        assert.equal((await one.on('web_shared')).data, 'for 1');
        assert.equal((await two.on('web_shared')).data, 'for 2');
        assert.deepEqual(await suite.at.memberUuids('web_shared', '2'), [two.uuid]);
        assert.equal(await suite.at.count('web_shared', '1'), 1);
        assert.equal(await suite.at.count('web_shared', '3'), 0);
        assert.deepEqual(values(await suite.at.query("SELECT message FROM pipes_messages WHERE name = 'web_shared'", [], '1')), [['for 1']]);
        assert.deepEqual(await suite.at.query("SELECT * FROM pipes_settings WHERE name = 'web_shared'", [], '3'), []);
        for (const visitor of [zero, one, two]) {
            await visitor.fence();
            assert.deepEqual(visitor.takeAll(), []);
        }
    });
});

describe('packets', () => {
    const suite = serverForSuite();

    test('pipelined statements are each executed once, and answered in order', async (t) => {
        const raw = await rawSql(t, suite.at);
        await raw.ask(COM.query, "INSERT INTO pipes_settings (name, length) VALUES ('web_pipeline', 90)");
        const packets = [];
        for (let i = 0; i < 40; i++) {
            packets.push(command(COM.query, `INSERT INTO pipes_messages (name, event, message) VALUES ('web_pipeline', 'e', 'm${i}')`));
            packets.push(command(COM.query, `SELECT name FROM pipes WHERE name = 'web_pipeline_${i}'`));
        }
        await raw.write(Buffer.concat(packets));
        for (let i = 0; i < 40; i++) {
            assert.ok((await raw.answer()).ok, `insert ${i}`);
            assert.deepEqual((await raw.answer()).rows, [[`web_pipeline_${i}`]]);
        }
        assert.deepEqual(await texts(suite.at, 'web_pipeline'), Array.from({ length: 40 }, (_, i) => `m${i}`));
    });

    test('statements and the farewell after them in one segment are all honoured', async (t) => {
        const raw = await rawSql(t, suite.at);
        await raw.write(Buffer.concat([command(COM.query, "SELECT name FROM pipes WHERE name = 'web_bye'"), command(COM.quit)]));
        assert.deepEqual((await raw.answer()).rows, [['web_bye']]);
        await raw.untilEnd();
    });

    test('a packet split at every byte is one packet', async (t) => {
        const raw = await rawSql(t, suite.at);
        const bytes = command(COM.query, "SELECT name FROM pipes WHERE name IN ('web_a', 'web_b')");
        for (let at = 1; at < bytes.length; at++) {
            await raw.write(bytes.subarray(0, at));
            await turn();
            await raw.write(bytes.subarray(at));
            assert.deepEqual((await raw.answer()).rows, [['web_a'], ['web_b']], `split at ${at}`);
        }
    });

    test('a login split at every byte is one login', async (t) => {
        const raw = new RawSql(suite.at);
        t.after(() => raw.destroy());
        await raw.greet();
        await raw.writeByBytes(packet(1, loginPayload({ user: 'root', auth: nativePassword(suite.at.password, raw.greeting.salt) })));
        assert.ok(isOk(await raw.nextPacket()));
        await raw.writeByBytes(command(COM.ping));
        assert.ok((await raw.answer()).ok);
    });

    test('sequence numbers count from the request and wrap around', async (t) => {
        const raw = await rawSql(t, suite.at);
        const names = Array.from({ length: 300 }, (_, i) => `'web_${i}'`).join(',');
        const from = raw.taken;
        const { rows } = await raw.ask(COM.query, `SELECT name FROM pipes WHERE name IN (${names})`);
        assert.equal(rows.length, 300);
        assert.deepEqual(raw.packets().slice(from).map((p) => p.sequence), Array.from({ length: raw.packets().length - from }, (_, i) => (i + 1) % 256));
    });

    test('a packet of 16 MB is refused cleanly', async (t) => {
        const raw = await rawSql(t, suite.at);
        const head = Buffer.from([0xff, 0xff, 0xff, 0, COM.query]);
        await raw.write(head);
        const chunk = Buffer.alloc(65536, 0x20);
        for (let sent = 1; sent < 0xffffff && !raw.ended && !raw.closed && raw.packets().length === raw.taken; sent += chunk.length) {
            await Promise.race([raw.write(chunk.subarray(0, Math.min(chunk.length, 0xffffff - sent))), raw.untilEnd().catch(() => {})]);
        }
        const answer = await raw.nextPacket();
        assert.ok(isErr(answer));
        assert.ok([11, 1153].includes(parseErr(answer).code), `code ${parseErr(answer).code}`);
        assert.equal((await suite.at.query('SELECT 1')).length, 1, 'others are served');
    });

    test('a statement over the limit is refused, and the next connection is served', async (t) => {
        const connection = await suite.at.connect();
        const [[{ limit }]] = await connection.query('SELECT @@max_allowed_packet AS `limit`');
        const text = 'x'.repeat(Number(limit));
        await assert.rejects(connection.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_a', 'e', '${text}')`),
                             (error) => [11, 1153].includes(error.errno) || /ECONNRESET|EPIPE|closed/.test(`${error.code} ${error.message}`));
        assert.ok(t);
        assert.equal((await suite.at.query('SELECT 1')).length, 1);
    });

    test('garbage instead of a login ends the connection, not the server', async (t) => {
        for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(64, 0xff), Buffer.from([1, 0, 0, 1, 0]), Buffer.from([0, 0, 0, 1]),
                             packet(1, Buffer.alloc(32, 0xff)), packet(7, Buffer.from('x'))]) {
            const raw = new RawSql(suite.at);
            t.after(() => raw.destroy());
            await raw.greet();
            await raw.write(bytes);
            raw.socket.end();
            await raw.untilEnd();
        }
        assert.equal((await suite.at.query('SELECT 1')).length, 1);
    });
});

describe('many sessions', () => {
    /* A history whose SELECT is 5 MB, and a session that asks for it `count` times without reading. */
    async function askWithoutReading(t, server, count) {
        await server.query("INSERT INTO pipes_settings (name, length) VALUES ('web_heavy', 90)");
        for (let i = 0; i < 90; i++) {
            await server.publish('web_heavy', 'e', 'z'.repeat(60_000));
        }
        const raw = await rawSql(t, server);
        raw.socket.pause();
        await raw.write(Buffer.concat(Array(count).fill(command(COM.query, "SELECT * FROM pipes_messages WHERE name = 'web_heavy'"))));
        return raw;
    }

    test('a client that does not read its answers costs neither the others nor much memory', async (t) => {
        const server = await serverForTest(t, { 'main.shards': 1, 'main.stop_grace': '100ms' });
        await askWithoutReading(t, server, 200); // a gigabyte of answers
        for (let i = 0; i < 200; i++) {
            assert.equal((await server.query("SELECT users FROM pipes WHERE name = 'web_a'")).length, 1);
        }
        const grown = residentBytes(server.process.pid);
        assert.ok(grown < (1 << 30) / 2, `${grown >> 20} MiB`);
    });

    test('a client that vanishes in the middle of its answers leaves nothing behind', async (t) => {
        const server = await serverForTest(t, { 'main.shards': 2 });
        const online = async () => Number(values(await server.query('SHOW STATUS')).find(([name]) => name === 'server_online')[1]);
        const before = await online();
        for (let i = 0; i < 10; i++) {
            const raw = await askWithoutReading(t, server, 3);
            raw.reset();
        }
        await until(async () => await online() === before, 'the sessions to be gone');
    });

    test('statements run over several shards at once and each sees what it did itself', async (t) => {
        const server = await serverForTest(t, { 'main.shards': 3 });
        await Promise.all(Array.from({ length: 24 }, async (_, n) => {
            const connection = await mysql.createConnection(server.sqlOptions());
            await connection.query(`INSERT INTO pipes_settings (name, length) VALUES ('web_s${n}', 20)`);
            for (let i = 0; i < 20; i++) {
                await connection.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_s${n}', 'e', '${i}')`);
                const [rows] = await connection.query(`SELECT message FROM pipes_messages WHERE name = 'web_s${n}'`);
                assert.deepEqual(rows.map((row) => row.message), Array.from({ length: i + 1 }, (__, k) => String(k)));
            }
            await connection.end();
        }));
    });
});
