// What the two node drivers do with prepared statements; `run` executes one and gives its rows, each an array.
import { channel, code } from './node_common.js';

export async function prepared(run) {
    const insert = 'INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)';
    await run('INSERT INTO pipes_settings (name, length) VALUES (?, ?)', [channel, 50]);
    for (const text of JSON.parse(process.env.ENCKE_TEST_TEXTS)) {
        await run(insert, [channel, 'text', text]);
    }
    await run(insert, [channel, 'ahead', Buffer.from('in pieces')]);
    await run(`${insert}, (?, ?, ?), (?, ?, ?)`, [channel, 'number', 42, channel, 'number', -7, channel, 'number', 0.1]);
    const column = (rows) => rows.map(([cell]) => cell);
    console.log(JSON.stringify({
        history: await run('SELECT event, message FROM pipes_messages WHERE name = ?', [channel]),
        limited: column(await run('SELECT message FROM pipes_messages WHERE name = ? LIMIT ?, ?', [channel, 1, 2])),
        listed: column(await run('SELECT name FROM pipes WHERE name IN (?, ?)', [channel, 'web_other'])),
        liked: column(await run('SELECT message FROM pipes_messages WHERE name = ? AND event LIKE ?', [channel, 'num%'])),
        variable: (await run('SHOW VARIABLES LIKE ?', ['version_comment']))[0],
        literals: (await run('SELECT ?, ? AS b', ["it's", null]))[0],
        refused: await code(run(insert, ['x', 'e', 'm'])),
        unknown: await code(run('SELECT * FROM shop WHERE id = ?', [1])),
    }));
}
