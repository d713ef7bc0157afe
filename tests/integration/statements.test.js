// What is promised of each table, statement by statement (cometql.md section 3), as rows of a table; and what HeidiSQL asks.
//
// A row: the statement; its answer. [[...], ...] are rows, 'ok a/i' affected rows and insert id, a number the code of an error. The
// statements of a table run one after the other on a server of their own. A new table is a new entry.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serverForTest } from './support/server.js';

const long = (n) => 'x'.repeat(n);

const TABLES = {
    pipes_messages: [
        ["INSERT INTO pipes_messages (event, message) VALUES ('e', 'm')", 12],
        ["INSERT INTO pipes_messages (name, message) VALUES ('chat', 'm')", 12],
        ["INSERT INTO pipes_messages (name, event) VALUES ('chat', 'e')", 12],
        [`INSERT INTO pipes_messages (name, event, message) VALUES ('${long(65)}', 'e', 'm')`, 11],
        ["INSERT INTO pipes_messages (name, event, message) VALUES ('ab', 'e', 'm')", 17],
        ["INSERT INTO pipes_messages (name, event, message) VALUES ('a.b', 'e', 'm')", 12],
        [`INSERT INTO pipes_messages (name, event, message) VALUES ('chat', '${long(65)}', 'm')`, 11],
        ["INSERT INTO pipes_messages (name, event, message) VALUES ('chat', 'e e', 'm')", 12],
        ["INSERT INTO pipes_messages VALUES ('chat', 'e', 'm')", 14],
        ["INSERT INTO pipes_messages (name, event, message) VALUES ('chat', 'e', 'not kept')", 'ok 0/0'],
        ["INSERT INTO pipes_settings VALUES ('chat', 5)", 'ok 1/0'],
        ["INSERT INTO pipes_messages (name, event, message, user_id, time) VALUES ('chat', '', 'one', 9, 9)", 'ok 0/0'],
        ["INSERT INTO pipes_messages (name, event, message) VALUES ('chat', 'e', 'two'), ('trust_x', 'e', 'three')", 'ok 0/0'],
        ["SELECT name, `index`, event, message, user_id FROM pipes_messages WHERE name IN ('chat', 'trust_x', 'no.name')",
         [['chat', '0', 'undefined', 'one', '0'], ['chat', '1', 'e', 'two', '0'], ['trust_x', '2', 'e', 'three', '0']]],
        ['SELECT * FROM pipes_messages', 13],
        ["SELECT * FROM pipes_messages WHERE id = 'x'", 13],
        ["SELECT nonsense FROM pipes_messages WHERE name = 'chat'", 14],
        ["SELECT name, name FROM pipes_messages WHERE name = 'chat'", 13],
        ["DELETE FROM pipes_messages WHERE event = 'e'", 13],
        ["DELETE FROM pipes_messages WHERE name = 'chat' AND event = 'e'", 'ok 0/0'],
        ["SELECT message FROM pipes_messages WHERE name = 'chat'", [['one']]],
        ["DELETE FROM pipes_messages WHERE name IN ('chat', 'trust_x')", 'ok 0/0'],
        ["SELECT message FROM pipes_messages WHERE name IN ('chat', 'trust_x')", []],
    ],
    pipes_settings: [
        ["INSERT INTO pipes_settings (length) VALUES (5)", 12],
        [`INSERT INTO pipes_settings (name) VALUES ('${long(65)}')`, 11],
        ["INSERT INTO pipes_settings (name) VALUES ('ab')", 17],
        ["INSERT INTO pipes_settings (name) VALUES ('a b c')", 12],
        ["INSERT INTO pipes_settings (name) VALUES ('one')", 'ok 1/0'],
        ["INSERT INTO pipes_settings VALUES ('two', '-5'), ('three', 5000), ('four', 'text')", 'ok 3/0'],
        ["SELECT * FROM pipes_settings WHERE name IN ('one', 'two', 'three', 'four', 'five')",
         [['one', '0'], ['two', '0'], ['three', '1000'], ['four', '0']]],
        ['SELECT * FROM pipes_settings', 13],
        ["DELETE FROM pipes_settings WHERE length = 5", 13],
        ["DELETE FROM pipes_settings WHERE name = 'three'", 'ok 0/0'],
        ["SELECT * FROM pipes_settings WHERE name = 'three'", []],
    ],
    pipes: [
        ["SELECT * FROM pipes WHERE name IN ('chat', 'ab', 'chat')", [['chat', '0'], ['chat', '0']]],
        ["SELECT * FROM pipes WHERE name = 'chat' OR name = 'chat'", [['chat', '0']]],
        ['SELECT * FROM pipes', 13],
        ["INSERT INTO pipes VALUES ('chat', 1)", 10],
        ["DELETE FROM pipes WHERE name = 'chat'", 10],
    ],
    users_in_pipes: [
        ["SELECT * FROM users_in_pipes WHERE name = 'chat'", []],
        ["SELECT COUNT(*) FROM users_in_pipes WHERE name = 'chat'", [['0']]],
        ['SELECT * FROM users_in_pipes', 13],
        ["INSERT INTO users_in_pipes (name) VALUES ('chat')", 10],
        ["DELETE FROM users_in_pipes WHERE name = 'chat'", 10],
    ],
    users_auth: [
        ["INSERT INTO users_auth (hash) VALUES ('h')", 12],
        ['INSERT INTO users_auth (id) VALUES (5)', 12],
        ["INSERT INTO users_auth VALUES (0, 'h')", 12],
        ["INSERT INTO users_auth VALUES (-5, 'h')", 12],
        ["INSERT INTO users_auth VALUES (5, 'a-b')", 12],
        [`INSERT INTO users_auth VALUES (5, '${long(33)}')`, 11],
        [`INSERT INTO users_auth VALUES (5, '${long(32)}')`, 'ok 1/5'],
        ["INSERT INTO users_auth (id, hash) VALUES (5, 'aZ09=+/_')", 'ok 1/5'],
        ["INSERT INTO users_auth (hash, id) VALUES ('other', '6')", 'ok 1/6'],
        ['SELECT * FROM users_auth WHERE id IN (6, 7, 5, 0)', [['6', 'other'], ['5', 'aZ09=+/_']]],
        ['SELECT id FROM users_auth WHERE id = 6 OR id = 5 ORDER BY id', [['5'], ['6']]],
        ['SELECT * FROM users_auth', 13],
        ["SELECT * FROM users_auth WHERE hash = 'other'", 13],
        ["DELETE FROM users_auth WHERE hash = 'other'", 13],
        ['DELETE FROM users_auth WHERE id = 5', 'ok 0/0'],
        ['SELECT id FROM users_auth WHERE id IN (5, 6)', [['6']]],
    ],
    users_data: [
        ["INSERT INTO users_data (data) VALUES ('d')", 12],
        ['INSERT INTO users_data (id) VALUES (5)', 12],
        ["INSERT INTO users_data VALUES (0, 'd')", 12],
        ["INSERT INTO users_data VALUES (5, 'it''s \\\\n \u{1F600}')", 'ok 1/5'],
        ['SELECT * FROM users_data WHERE id IN (5, 6)', [['5', "it's \\\\n \u{1F600}"]]],
        ['SELECT * FROM users_data', 13],
        ['DELETE FROM users_data WHERE id = 5', 'ok 0/0'],
        ['SELECT * FROM users_data WHERE id = 5', []],
    ],
    users_time: [
        ['SELECT * FROM users_time WHERE id IN (2, 0, 2)', [['2', '-1'], ['0', '-1'], ['2', '-1']]],
        ['SELECT * FROM users_time', 13],
        ['INSERT INTO users_time VALUES (1, 1)', 10],
        ['DELETE FROM users_time WHERE id = 1', 10],
    ],
    users_messages: [
        ["INSERT INTO users_messages (event, message) VALUES ('e', 'm')", 12],
        ["INSERT INTO users_messages (id, message) VALUES (5, 'm')", 12],
        ["INSERT INTO users_messages (id, event) VALUES (5, 'e')", 12],
        ["INSERT INTO users_messages (id, event, message) VALUES (-5, 'e', 'm')", 12],
        [`INSERT INTO users_messages (id, event, message) VALUES (5, '${long(65)}', 'm')`, 11],
        ["INSERT INTO users_messages (id, event, message) VALUES (5, 'e e', 'm')", 12],
        ["INSERT INTO users_messages (id, event, message) VALUES (5, 'e', 'one')", 'ok 0/5'],
        ["INSERT INTO users_messages (id, event, message) VALUES (5, 'e', 'two')", 'ok 0/5'],
        ['SELECT id, event, message FROM users_messages WHERE id IN (5, 6)', [['5', 'e', 'one'], ['5', 'e', 'two']]],
        ['SELECT message FROM users_messages WHERE id = 5 ORDER BY message DESC LIMIT 1', [['two']]],
        ['SELECT * FROM users_messages', 13],
        ['DELETE FROM users_messages WHERE id = 5', 'ok 0/0'],
        ['SELECT * FROM users_messages WHERE id = 5', []],
    ],
    revoked_tokens: [
        ['INSERT INTO revoked_tokens VALUES (NULL)', 12],
        ["INSERT INTO revoked_tokens VALUES ('b.b.b')", 'ok 1/1'],
        ["INSERT INTO revoked_tokens (token) VALUES ('a.a.a')", 'ok 1/1'],
        ["SELECT * FROM revoked_tokens WHERE token IN ('a.a.a', 'c.c.c')", [['a.a.a']]],
        ['SELECT token FROM revoked_tokens ORDER BY token', [['a.a.a'], ['b.b.b']]],
        ['SELECT COUNT(*) FROM revoked_tokens', [['2']]],
        ['DELETE FROM revoked_tokens', 13],
        ["DELETE FROM revoked_tokens WHERE token = 'a.a.a' OR token = 'b.b.b'", 'ok 0/0'],
        ['SELECT * FROM revoked_tokens', []],
    ],
    channels: [
        ["INSERT INTO pipes_settings VALUES ('web_a', 3), ('other', 4)", 'ok 2/0'],
        ["SELECT name, subscribers, history, history_length FROM channels WHERE name LIKE 'web%'", [['web_a', '0', '0', '3']]],
        ['SELECT COUNT(*) FROM channels', [['2']]],
        ['SELECT name FROM channels WHERE history_length > 3 OR subscribers > 5', [['other']]],
        ['SELECT name FROM channels ORDER BY name LIMIT 1', [['other']]],
        ["INSERT INTO channels (name) VALUES ('chat')", 10],
        ["DELETE FROM channels WHERE name = 'other'", 10],
    ],
    connections: [
        ['SELECT user, app, protocol FROM connections', [['0', '0', 'mysql']]],
        ["SELECT COUNT(*) FROM connections WHERE protocol <> 'mysql' OR user = 7", [['0']]],
        ['DELETE FROM connections WHERE user = 7', 'ok 0/0'],
        ['DELETE FROM connections WHERE user = 7 OR user = 8', 'ok 0/0'],
        ['DELETE FROM connections', 13],
        ['INSERT INTO connections (id) VALUES (1)', 15],
    ],
    'tables there are not': [
        ['SELECT * FROM shop WHERE id = 1', 15],
        ['INSERT INTO shop VALUES (1)', 15],
        ['DELETE FROM shop WHERE id = 1', 15],
        ['SELECT * FROM dialogs', 15],
        ['INSERT INTO dialogs VALUES (1)', 10],
        ['DELETE FROM dialogs', 15],
        ['SELECT * FROM profiler', []],
        ['SELECT * FROM other.pipes WHERE name = 1', 15],
        ['SELECT * FROM information_schema.shop', 15],
    ],
};

async function answerTo(connection, sql) {
    try {
        const [rows, fields] = await connection.query(sql);
        return fields ? rows : `ok ${rows.affectedRows}/${rows.insertId}`;
    } catch (error) {
        assert.ok(error.errno, String(error));
        return error.errno;
    }
}

describe('each table', () => {
    for (const [table, rows] of Object.entries(TABLES)) {
        test(table, async (t) => {
            const server = await serverForTest(t);
            const connection = await server.connect({ rowsAsArray: true });
            for (const [sql, answer] of rows) {
                assert.deepEqual(await answerTo(connection, sql), answer, sql);
            }
        });
    }

    test('and each that SHOW TABLES lists has rows above', async (t) => {
        const server = await serverForTest(t);
        const listed = (await server.query('SHOW TABLES')).map((row) => row.Tables);
        assert.deepEqual(listed.filter((name) => !TABLES[name]), []);
        for (const name of listed) {
            const columns = await server.query(`SHOW COLUMNS FROM ${name}`);
            const schema = await server.query(`SELECT COLUMN_NAME, COLUMN_TYPE, COLUMN_KEY FROM information_schema.COLUMNS WHERE TABLE_NAME = '${name}'`);
            assert.deepEqual(schema.map((c) => [c.COLUMN_NAME, c.COLUMN_TYPE, c.COLUMN_KEY]), columns.map((c) => [c.Field, c.Type, c.Key]), name);
        }
    });
});

// From its source and its log of statements: connecting, opening the database, a table, its data.
const HEIDISQL = [
    'SELECT CONNECTION_ID()', '/*!40101 SET NAMES utf8mb4 */', "SHOW VARIABLES", "SHOW /*!50002 GLOBAL */ STATUS", "SHOW VARIABLES LIKE 'skip_name_resolve'",
    "SHOW /*!50002 GLOBAL */ STATUS LIKE 'Ssl_cipher'", "SHOW VARIABLES LIKE 'lower_case_table_names'", "/*!40101 SET SQL_MODE='' */", 'SELECT NOW()',
    'SHOW DATABASES', 'SHOW /*!50002 GLOBAL */ STATUS LIKE \'Com\\_%\'', 'USE `CometQL_v1`', 'SHOW TABLE STATUS FROM `CometQL_v1`',
    "SHOW FUNCTION STATUS WHERE `Db`='CometQL_v1'", "SHOW PROCEDURE STATUS WHERE `Db`='CometQL_v1'", 'SHOW TRIGGERS FROM `CometQL_v1`',
    "SELECT `DEFAULT_COLLATION_NAME` FROM `information_schema`.`SCHEMATA` WHERE `SCHEMA_NAME`='CometQL_v1'",
    "SELECT *, EVENT_SCHEMA AS `Db`, EVENT_NAME AS `Name` FROM information_schema.`EVENTS` WHERE `EVENT_SCHEMA`='CometQL_v1'",
    "SELECT * FROM `information_schema`.`COLUMNS` WHERE TABLE_SCHEMA='CometQL_v1' AND TABLE_NAME='pipes_settings' ORDER BY ORDINAL_POSITION",
    'SHOW INDEXES FROM `pipes_settings` FROM `CometQL_v1`',
    "SELECT * FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA='CometQL_v1' AND TABLE_NAME='pipes_settings' AND REFERENCED_TABLE_NAME IS NOT NULL",
    "SELECT * FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA='CometQL_v1' AND TABLE_NAME='pipes_settings' AND REFERENCED_TABLE_NAME IS NOT NULL",
    "SELECT tc.CONSTRAINT_NAME, cc.CHECK_CLAUSE FROM `information_schema`.`CHECK_CONSTRAINTS` AS cc, `information_schema`.`TABLE_CONSTRAINTS` AS tc "
        + "WHERE tc.CONSTRAINT_SCHEMA='CometQL_v1' AND tc.TABLE_NAME='pipes_settings' AND tc.CONSTRAINT_TYPE='CHECK' AND tc.CONSTRAINT_NAME=cc.CONSTRAINT_NAME",
    'SHOW CREATE TABLE `CometQL_v1`.`pipes_settings`', 'SHOW ENGINES', 'SHOW COLLATION', 'SHOW CHARSET',
    "SELECT `name`, `length` FROM `CometQL_v1`.`pipes_settings` WHERE `name`='a_channel' LIMIT 1000",
    "SELECT `id`, LEFT(`message`, 256) FROM `CometQL_v1`.`pipes_messages` WHERE `name`='a_channel' ORDER BY `time` DESC LIMIT 1000",
    "SELECT COUNT(*) FROM `CometQL_v1`.`pipes_settings` WHERE `name`='a_channel'",
    "SELECT `ID`, `USER`, `HOST`, `DB`, `COMMAND`, `TIME`, `STATE`, LEFT(`INFO`, 51200) AS `Info` FROM `information_schema`.`PROCESSLIST`",
    'SHOW FULL PROCESSLIST',
];

test('HeidiSQL connects, opens the database and a table', async (t) => {
    const server = await serverForTest(t);
    const connection = await server.connect();
    for (const sql of HEIDISQL) {
        await connection.query(sql).catch((error) => assert.fail(`${sql}\n${error.message}`));
    }
    const [columns] = await connection.query(HEIDISQL.find((sql) => sql.includes('ORDER BY ORDINAL_POSITION')));
    assert.deepEqual(columns.map((c) => c.COLUMN_NAME), ['name', 'length']);
});
