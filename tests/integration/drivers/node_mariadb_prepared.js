import mariadb from 'mariadb';
import { sql } from './node_common.js';
import { prepared } from './node_prepared.js';

const db = await mariadb.createConnection({ ...sql, rowsAsArray: true });
await prepared((statement, values) => db.execute(statement, values));
await db.end();
