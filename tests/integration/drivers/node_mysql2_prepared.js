import mysql from 'mysql2/promise';
import { sql } from './node_common.js';
import { prepared } from './node_prepared.js';

const db = await mysql.createConnection({ ...sql, rowsAsArray: true });
await prepared(async (statement, values) => (await db.execute(statement, values))[0]);
await db.end();
