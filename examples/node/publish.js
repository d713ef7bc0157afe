// node publish.js CHANNEL TEXT: to everybody who listens to the channel.
// node publish.js --user 5 TEXT: to every page of one user, or to the next one he opens.

import mysql from 'mysql2/promise';

const [to, ...rest] = process.argv.slice(2);
const sql = await mysql.createConnection({
    host: process.env.ENCKE_HOST ?? '127.0.0.1',
    port: Number(process.env.ENCKE_SQL_PORT ?? 3307),
    user: process.env.ENCKE_APP ?? '0',
    password: process.env.ENCKE_PASSWORD ?? '',
    database: 'CometQL_v1',
});
// execute, not query: bound values arrive as they are.
if (to === '--user')
    await sql.execute('INSERT INTO users_messages (id, event, message) VALUES (?, ?, ?)', [Number(rest[0]), 'note', JSON.stringify({ text: rest[1] })]);
else
    await sql.execute('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [to, 'note', JSON.stringify({ text: rest[0] })]);
console.log('published');
await sql.end();
