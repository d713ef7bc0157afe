// Prepared statements: every driver publishes with parameters and reads back; sessions and what is below the drivers.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COM, command, isEof, isErr, isOk, packet, parseErr, rawSql } from './support/mysql_raw.js';
import { driverEnv, output } from './support/programs.js';
import { serverForSuite } from './support/server.js';
import { visit } from './support/visitor.js';

/* Nothing of it is escaped by anybody, so everything arrives as it is. */
const TEXTS = [
    'plain', "it's", '"quoted" and `ticked`', 'a\\b, \\\', \\\\', '{"text":"it\'s \\"quoted\\"\\n"}', 'привет, 😀 ❤️', '?, -- # /* */',
    "'); DELETE FROM pipes_messages WHERE name = 'web_a'; -- ", 'two\nlines\tand a tab', ' blanks ', '100%_', '', 'x'.repeat(70_000),
];

const DRIVERS = {
    'php mysqli': ['php', 'mysqli_prepared.php'],
    'php PDO without emulation': ['php', 'pdo_prepared.php'],
    'node mysql2': ['node', 'node_mysql2_prepared.js'],
    'node mariadb': ['node', 'node_mariadb_prepared.js'],
};

describe('drivers with prepared statements', () => {
    const server = serverForSuite();

    for (const [name, [program, file]] of Object.entries(DRIVERS)) {
        test(`${name} publishes with parameters, a WebSocket receives, and it reads everything back`, async (t) => {
            const channel = `web_${file.replace(/[^a-z0-9]+/g, '_')}`;
            const visitor = await visit(t, server.at);
            await visitor.subscribe(channel);
            const env = { ...driverEnv(server.at, channel), ENCKE_TEST_TEXTS: JSON.stringify(TEXTS) };

            const told = JSON.parse(await output(program, [file], env));

            const wanted = [...TEXTS.map((text) => ['text', text]), ['ahead', 'in pieces'], ['number', '42'], ['number', '-7'], ['number', '0.1']];
            for (const [event, text] of wanted) {
                const frame = await visitor.on(channel);
                assert.deepEqual([frame.event, frame.data], [event, text]);
            }
            assert.deepEqual(told.history, wanted);
            assert.deepEqual(told.limited, TEXTS.slice(1, 3));
            assert.deepEqual(told.listed, [channel, 'web_other']);
            assert.deepEqual(told.liked, ['42', '-7', '0.1']);
            assert.deepEqual(told.variable, ['version_comment', 'Encke comet server']);
            assert.deepEqual(told.literals, ["it's", null]);
            assert.equal(told.refused, 17);
            assert.equal(told.unknown, 15);
        });
    }

    test('a driver that keeps its statements executes them over and over, and closes them', async () => {
        const connection = await server.at.connect();
        for (let i = 0; i < 300; i++) {
            const [rows] = await connection.execute(`SELECT name FROM pipes WHERE name = ? LIMIT ${i % 7 + 1}`, [`web_${i}`]);
            assert.deepEqual(rows.map((row) => row.name), [`web_${i}`]);
        }
        const statement = await connection.prepare('SELECT ? AS a');
        for (const [value, text] of [[new Date(2026, 10, 23, 1, 2, 3), '2026-11-23 01:02:03'], [12345678901234567890n, '12345678901234567890'], [true, '1']]) {
            const [[row]] = await statement.execute([value]);
            assert.equal(row.a, text);
        }
        await statement.close();
    });

    test('statements of the text and of the binary protocol take turns', async () => {
        const connection = await server.at.connect();
        const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => i % 2 ?
            connection.query("SELECT name FROM pipes WHERE name = 'web_q'") :
            connection.execute('SELECT name FROM pipes WHERE name = ?', ['web_e'])));
        assert.deepEqual(answers.map(([[row]]) => row.name), answers.map((_, i) => i % 2 ? 'web_q' : 'web_e'));
    });
});

const id = (number, ...more) => Buffer.concat([Buffer.from(Uint32Array.of(number).buffer), ...more.map((part) => Buffer.from(part))]);
const run = (number, ...more) => id(number, [0, 1, 0, 0, 0], ...more);

async function prepare(raw, text) {
    await raw.write(command(COM.prepare, text));
    const head = await raw.nextPacket();
    if (isErr(head)) {
        return { error: parseErr(head) };
    }
    const [columns, parameters] = [head.payload.readUInt16LE(5), head.payload.readUInt16LE(7)];
    for (const count of [parameters, columns]) {
        for (let i = 0; i < count; i++) {
            await raw.nextPacket();
        }
        assert.ok(count === 0 || isEof(await raw.nextPacket()));
    }
    return { id: head.payload.readUInt32LE(1), columns, parameters };
}

describe('prepared statements by hand', () => {
    const server = serverForSuite();

    test('PREPARE tells the parameters and the columns', async (t) => {
        const raw = await rawSql(t, server.at);
        assert.deepEqual(await prepare(raw, 'SELECT name, users FROM pipes WHERE name = ?'), { id: 1, columns: 2, parameters: 1 });
        assert.deepEqual(await prepare(raw, 'INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)'), { id: 2, columns: 0, parameters: 3 });
        assert.deepEqual(await prepare(raw, 'SHOW VARIABLES'), { id: 3, columns: 2, parameters: 0 });
        assert.equal((await prepare(raw, 'SELECT ? FROM')).error.code, 3);
        assert.equal((await raw.ask(COM.query, 'SELECT ?')).error.code, 3, 'a query has no parameters');
    });

    test('an unknown id, a cursor, a packet cut short: each has its error, and the session goes on', async (t) => {
        const raw = await rawSql(t, server.at);
        await prepare(raw, 'SELECT users FROM pipes WHERE name = ?');
        for (const [code, body, error] of [
            [COM.execute, run(2), 1243], [COM.stmtReset, id(2), 1243], [COM.fetch, id(1, [1, 0, 0, 0]), 1421], [COM.execute, run(1), 1835],
            [COM.execute, run(1, [0, 1, 0xfd, 0, 9, 97]), 1835], [COM.execute, '', 1243],
        ]) {
            assert.equal((await raw.ask(code, body)).error?.code, error);
        }
        assert.ok((await raw.ask(COM.ping)).ok);
    });

    test('a reset of the connection forgets the statements', async (t) => {
        const raw = await rawSql(t, server.at);
        const statement = await prepare(raw, 'DELETE FROM pipes_messages WHERE name = ?');
        const body = run(statement.id, [0, 1, 0xfd, 0, 5], 'web_a');
        assert.ok((await raw.ask(COM.execute, body)).ok);
        assert.ok((await raw.ask(COM.reset)).ok);
        assert.equal((await raw.ask(COM.execute, body)).error.code, 1243);
    });

    test('pipelined commands are answered in order, and CLOSE is not answered', async (t) => {
        const raw = await rawSql(t, server.at);
        const insert = (await prepare(raw, 'INSERT INTO pipes_settings (name, length) VALUES (?, ?)')).id;
        const bound = (sequence, name) => packet(0, Buffer.concat([Buffer.from([COM.execute]), run(insert, [0, 1, 0xfd, 0, 1, 0, 5], name, [sequence])]));
        await raw.write(Buffer.concat([
            bound(1, 'web_a'), bound(2, 'web_b'), command(COM.ping), command(COM.close, id(insert)), bound(3, 'web_c'), command(COM.ping),
        ]));
        const answers = [];
        for (let i = 0; i < 5; i++) {
            answers.push(await raw.nextPacket());
        }
        assert.deepEqual(answers.map((p) => isOk(p) ? p.payload[1] : parseErr(p).code), [1, 1, 0, 1243, 0]);
        assert.deepEqual((await server.at.query("SELECT length FROM pipes_settings WHERE name IN ('web_a', 'web_b', 'web_c')")).map((row) => row.length), ['1', '2']);
    });
});
