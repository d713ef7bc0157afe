// The wall clock jumps an hour ahead, then two back, as a machine's does that was told the time late. Nobody is taken for dead or for
// late, and what was said later is later.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Faults } from '../support/faults.js';
import { OVER_TLS } from '../support/over_tls.js';
import { visit } from '../support/visitor.js';
import { until } from '../support/wait.js';

const HOUR_S = 3600, CHANNEL = 'web_clock';

test('a clock that jumps ends nobody and reorders nothing', { skip: OVER_TLS }, async (t) => {
    const faults = new Faults();
    const server = await faults.server(t, { 'main.shards': 2, 'store.backend': 'sqlite', 'ws.ping': '100ms', 'ws.idle': '5s' });
    await server.query(`INSERT INTO pipes_settings (name, length) VALUES ('${CHANNEL}', 1000)`);
    const visitor = await (await visit(t, server)).subscribe(CHANNEL);
    const user = await server.connect();
    const said = [], times = [];
    for (const offset of [0, HOUR_S, -HOUR_S, 0]) {
        faults.set('clock_s', offset);
        const pings = visitor.controls.pings, connections = async () => (await (await fetch(`${server.http}/api/status`)).json()).sessions;
        await until(() => visitor.controls.pings > pings + 2, 'some pings by the new clock');
        for (let n = 0; n < 5; n++) {
            said.push(`${offset} ${n}`);
            await user.query('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [CHANNEL, 'e', said.at(-1)]);
            const heard = await visitor.on(CHANNEL);
            assert.equal(heard.data, said.at(-1));
            times.push(heard.message_send_time);
        }
        assert.equal(await connections(), 1);
        await (await visit(t, server)).vanish(); // who comes now is served as well
        await until(async () => await connections() === 1, 'him to be gone');
    }
    const history = await server.query(`SELECT message, offset FROM pipes_messages WHERE name = '${CHANNEL}' LIMIT 1000`);
    assert.deepEqual(history.map((row) => row.message), said);
    assert.ok(history.every((row, i) => i === 0 || Number(row.offset) > Number(history[i - 1].offset)), 'offsets grow');
    assert.ok(times[5] - times[0] >= HOUR_S, `the fault reaches the server: ${times}`);
    assert.equal(visitor.closed, false);
});
