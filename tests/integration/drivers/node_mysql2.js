import mysql from 'mysql2/promise';
import { channel, code, PLAIN, QUOTED, RAW, report, sql } from './node_common.js';

const db = await mysql.createConnection(sql);
await db.query('INSERT INTO pipes_settings (name, length) VALUES (?, ?)', [channel, 10]);
await db.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('${channel}', 'hello', '${RAW}')`);
for (const text of [PLAIN, QUOTED]) {
    await db.query('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [channel, 'hello', text]);
}
const [[pipe]] = await db.query('SELECT name, users FROM pipes WHERE name = ?', [channel]);
const [settings] = await db.query('SELECT name, length FROM pipes_settings WHERE name = ?', [channel]);
const [history] = await db.query('SELECT event, message FROM pipes_messages WHERE name = ?', [channel]);
const [members] = await db.query('SELECT * FROM users_in_pipes WHERE name = ?', [channel]);
const whereError = await code(db.query('SELECT * FROM pipes'));
await db.end();
const loginError = await code(mysql.createConnection({ ...sql, password: 'wrong' }));
report({ pipe, settings, history, members, whereError, loginError });
