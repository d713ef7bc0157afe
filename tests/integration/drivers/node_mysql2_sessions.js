import mysql from 'mysql2/promise';
import { channel, code, sql } from './node_common.js';

const db = await mysql.createConnection({ ...sql, multipleStatements: true });
const app = async () => (await db.query('SHOW STATUS'))[0].find((row) => Object.values(row)[0] === 'id');
const before = Object.values(await app())[1];
await db.changeUser({ user: '15', password: sql.password, database: 'CometQL_v1' });
const changed = Object.values(await app())[1];
const [answers] = await db.query(
    `INSERT INTO pipes_settings (name, length) VALUES ('${channel}', 5); SELECT 'a;b'; SHOW TABLES LIKE 'pipes'; SELECT 1`);
const results = answers.map((answer) => (Array.isArray(answer) ? answer.map(Object.values) : answer.affectedRows));
const single = await mysql.createConnection(sql);
const second = await code(single.query('SELECT 1; SELECT 2'));
await single.end();
const wrong = await code(db.changeUser({ user: '15', password: 'wrong' }));
console.log(JSON.stringify({ before, changed, results, second, wrong }));
process.exit(0);
