// The tables that list what there is: channels and connections, and the columns that are there when they are named.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import mysql from 'mysql2/promise';
import { serverForTest } from './support/server.js';
import { visit, Visitor } from './support/visitor.js';
import { until, within } from './support/wait.js';

const names = (rows) => rows.map((row) => row.name).sort();

async function refusal(server, sql, user) {
    return server.query(sql, [], user).then(() => assert.fail(`not refused: ${sql}`), (error) => error.errno);
}

test('channels are listed whole, by name, by the beginning of the name, and by what they are like', async (t) => {
    const server = await serverForTest(t);
    const wanted = Array.from({ length: 700 }, (_, i) => `web_list_${i}`);
    await server.query(`INSERT INTO pipes_settings (name, length) VALUES ${wanted.map((name) => `('${name}', 2)`).join(', ')}`);
    await server.query("INSERT INTO pipes_settings (name, length) VALUES ('track_a', 1), ('trackxb', 3), ('Track_c', 5)");
    const visitor = await visit(t, server);
    await visitor.subscribe('web_list_7', 'web_alone');
    for (let i = 0; i < 3; i++) {
        await server.publish('web_list_7', 'e', 'm');
    }
    const all = await server.query('SELECT * FROM channels');
    assert.deepEqual(names(all), [...wanted, 'track_a', 'trackxb', 'Track_c', 'web_alone'].sort());
    assert.deepEqual(Object.keys(all[0]), ['name', 'subscribers', 'messages', 'offset', 'epoch', 'history', 'history_length']);

    const [seven] = await server.query("SELECT * FROM channels WHERE name = 'web_list_7'");
    const { epoch, ...rest } = seven;
    assert.match(epoch, /^[0-9a-f]{16}$/);
    assert.deepEqual(rest, { name: 'web_list_7', subscribers: '1', messages: '3', offset: '3', history: '2', history_length: '2' });

    const cases = [
        ["name LIKE 'web_list_%'", wanted],
        ["name LIKE 'web_list_69%'", wanted.filter((name) => name.startsWith('web_list_69'))],
        ["name LIKE '%_list_699'", ['web_list_699']],
        ["name LIKE 'track_%'", ['track_a', 'trackxb', 'Track_c']], // an underscore is any letter, and letters count without case
        ["name LIKE 'track\\_%'", ['track_a', 'Track_c']],
        ["name LIKE 'track_a'", ['track_a']],
        ["name IN ('track_a', 'nobody', 'web_alone', 'x!')", ['track_a', 'web_alone']],
        ["name = 'nobody'", []],
        ['subscribers > 0', ['web_alone', 'web_list_7']],
        ["name LIKE 'web_%' AND subscribers = 1 AND history_length = 0", ['web_alone']],
        ["name = 'track_a' OR history_length = 5", ['track_a', 'Track_c']],
        ["name NOT LIKE 'web%'", ['track_a', 'trackxb', 'Track_c']],
    ];
    for (const [where, expected] of cases) {
        const text = where.replace('\\', '\\\\');
        assert.deepEqual(names(await server.query(`SELECT name FROM channels WHERE ${where}`)), [...expected].sort(), text);
    }
    const [counted] = await server.query("SELECT COUNT(*) AS n, SUM(history) AS kept FROM channels WHERE name LIKE 'web_list%'");
    assert.deepEqual({ ...counted }, { n: '700', kept: '2' });
    assert.equal((await server.query('SELECT name FROM channels LIMIT 5, 100')).length, 100);
    assert.deepEqual(names(await server.query('SELECT name FROM channels', [], '5')), []);
    assert.equal(await refusal(server, "DELETE FROM channels WHERE name = 'web_alone'"), 10);
});

test('two thousand connections are listed, filtered and disconnected', { timeout: 120000 }, async (t) => {
    const server = await serverForTest(t, {}, { descriptors: 8192 });
    const visitors = [];
    t.after(() => visitors.forEach((visitor) => visitor.socket.terminate()));
    for (let at = 0; at < 2000; at += 250) {
        const group = Array.from({ length: 250 }, (_, i) => new Visitor(server, {
            dev: i % 4 === 0 ? 3 : 0, headers: { origin: 'http://example.com', 'user-agent': `agent ${i % 2}` },
        }));
        visitors.push(...group);
        await Promise.all(group.map((visitor) => visitor.open()));
    }
    await visitors[1].subscribe('web_one', 'web_two');
    const mine = visitors.filter((visitor) => visitor.dev === 0);
    const others = visitors.filter((visitor) => visitor.dev === 3);

    const all = await server.query('SELECT * FROM connections');
    assert.deepEqual(Object.keys(all[0]), ['id', 'user', 'app', 'address', 'protocol', 'connected_since', 'queued_bytes', 'subscriptions', 'uuid',
                                           'origin', 'user_agent']);
    const browsers = all.filter((row) => row.protocol === 'classic');
    assert.deepEqual(browsers.map((row) => row.uuid).sort(), mine.map((visitor) => visitor.uuid).sort());
    assert.equal(new Set(all.map((row) => row.id)).size, all.length);
    for (const row of browsers) {
        assert.deepEqual([row.user, row.app, row.address, row.origin], ['0', '0', '127.0.0.1', 'http://example.com']);
        assert.ok(Math.abs(Number(row.connected_since) - Date.now() / 1000) < 300);
    }
    assert.equal(all.filter((row) => row.protocol === 'mysql').length, 1);

    const count = async (where, user) =>
        Number((await server.query(`SELECT COUNT(*) AS n FROM connections${where ? ` WHERE ${where}` : ''}`, [], user))[0].n);
    assert.equal(await count("protocol = 'classic' AND 1 = 1"), mine.length);
    assert.equal(await count("uuid = 'nobody'"), 0);
    assert.equal(await count('app = 3'), others.length, 'root in app 0 sees the app it names');
    assert.equal(await count('user = 0 AND app >= 0'), 2001);
    assert.equal(await count('app >= 0', '3'), others.length + 1, 'another session sees its own');
    const subscribed = await server.query('SELECT uuid FROM connections WHERE subscriptions = 2');
    assert.deepEqual(subscribed.map((row) => row.uuid), [visitors[1].uuid]);

    const [one] = await server.query(`SELECT id, uuid FROM connections WHERE uuid = '${visitors[1].uuid}'`);
    const [members] = await server.query("SELECT connection, subscribed_since, user_uuid FROM users_in_pipes WHERE name = 'web_one'");
    assert.deepEqual([members.connection, members.user_uuid], [one.id, one.uuid]);
    assert.ok(Math.abs(Number(members.subscribed_since) - Date.now() / 1000) < 300);
    assert.deepEqual((await server.query(`SELECT uuid FROM connections WHERE id IN (${one.id}, 7, 99999999999999999)`)).map((row) => row.uuid),
                     [one.uuid]);
    assert.equal((await server.query(`SELECT id FROM connections WHERE id = ${one.id}`, [], '3')).length, 0);

    const remove = async (where, user) => (await server.query(`DELETE FROM connections WHERE ${where}`, [], user)).affectedRows;
    assert.equal(await refusal(server, 'DELETE FROM connections'), 13);
    assert.equal(await refusal(server, 'DELETE FROM connections LIMIT 3'), 13);
    assert.equal(await remove(`id = ${one.id}`, '3'), 0, 'not of this app');
    assert.equal(await remove(`id = ${one.id}`), 1);
    await within(visitors[1].ended, 'the end of the one');
    assert.ok(visitors[1].texts.some((text) => text.includes('Disconnected by the operator')));
    assert.equal(await remove(`id = ${one.id}`), 0);
    assert.equal(await remove("user_agent = 'agent 0' LIMIT 100"), 100);
    await until(() => visitors.filter((visitor) => visitor.closed).length === 101, 'a hundred more to end');
    assert.equal(await remove("protocol = 'classic'"), mine.length - 101);
    await until(() => mine.every((visitor) => visitor.closed), 'the rest of the app to end');
    assert.ok(others.every((visitor) => !visitor.closed), 'those of another app stay');
    assert.equal(await remove("protocol = 'classic' AND app = 3 OR id = 1"), others.length);
    await until(() => others.every((visitor) => visitor.closed), 'those of the other app to end');
});

test('an SQL session is a connection; the one that asks is never ended by its own DELETE', async (t) => {
    const server = await serverForTest(t);
    const other = await mysql.createConnection(server.sqlOptions());
    const ended = new Promise((resolve) => other.on('error', resolve));
    const rows = await server.query("SELECT protocol, user FROM connections WHERE protocol = 'mysql'").then((r) => r.map((row) => row.protocol));
    assert.deepEqual(rows, ['mysql', 'mysql']);
    assert.equal((await server.query("DELETE FROM connections WHERE protocol = 'mysql'")).affectedRows, 1);
    await within(ended, 'the other session to end');
    await until(async () => (await server.query('SELECT id FROM connections')).length === 1, 'one session to be left');
});

test('offset and epoch of messages are there when they are named, and * stays as it was', async (t) => {
    const server = await serverForTest(t);
    await server.query("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 5)");
    await server.publish('web_log', 'e', 'one');
    await server.publish('web_log', 'e', 'two');
    await server.query("INSERT INTO pipes_messages VALUES ('x', 1, 'web_log', 2, 'e', 'three', 3)");
    const [{ epoch }] = await server.query("SELECT epoch FROM channels WHERE name = 'web_log'");
    const read = async (list, rest = '') => (await server.query(`SELECT ${list} FROM pipes_messages WHERE name = 'web_log'${rest}`))
        .map((row) => Object.values(row));
    assert.deepEqual(await read('offset, epoch, message'), [['1', epoch, 'one'], ['2', epoch, 'two'], ['3', epoch, 'three']]);
    assert.deepEqual(await read('message', ' AND offset > 1 LIMIT 1 OFFSET 1'), [['three']]);
    assert.deepEqual(await read('message', ' AND `offset` > 1 ORDER BY `offset` DESC'), [['three'], ['two']]);
    const classic = ['id', 'time', 'name', 'index', 'event', 'message', 'user_id'];
    assert.deepEqual(Object.keys((await server.query("SELECT * FROM pipes_messages WHERE name = 'web_log'"))[0]), classic);
    assert.deepEqual(Object.keys((await server.query("SELECT * FROM pipes_messages WHERE name = 'web_log' ORDER BY time"))[0]), classic);
    const columns = await server.query('SHOW COLUMNS FROM pipes_messages');
    assert.deepEqual(columns.filter((row) => row.Extra === '').map((row) => row.Field), classic);
    assert.deepEqual(columns.filter((row) => row.Extra === 'INVISIBLE').map((row) => row.Field), ['offset', 'epoch']);
});

test('a listing rests while its client does not read, and is whole when it does', { timeout: 120000 }, async (t) => {
    const server = await serverForTest(t, { 'store.backend': 'memory' });
    const wanted = Array.from({ length: 48000 }, (_, i) => `web_${String(i).padStart(60, 'x')}`);
    for (let at = 0; at < wanted.length; at += 4000) {
        await server.query(`INSERT INTO pipes_settings VALUES ${wanted.slice(at, at + 4000).map((name) => `('${name}', 1)`).join(', ')}`);
    }
    const slow = await server.connect();
    const { stream } = slow.connection;
    stream.pause();
    const answer = slow.query('SELECT * FROM channels');
    const queued = () => server.query("SELECT queued_bytes FROM connections WHERE protocol = 'mysql' AND queued_bytes > 0");
    await until(async () => (await queued()).length === 1, 'bytes that wait for the slow one');
    const [{ queued_bytes: waiting }] = await queued();
    assert.ok(Number(waiting) < 200000, `no more than a slice waits: ${waiting} bytes`);
    stream.resume();
    const [rows] = await within(answer, 'the whole listing', 60000);
    assert.deepEqual(names(rows), wanted.sort());
});
