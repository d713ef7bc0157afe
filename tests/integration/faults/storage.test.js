// A disk that does not answer: syncs hang for as long as the test likes. Who listens hears everything at once, who writes waits, and
// everything that was acknowledged is there after a restart.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Faults, memoryWatch } from '../support/faults.js';
import { OVER_TLS } from '../support/over_tls.js';
import { Server, tempDir } from '../support/server.js';
import { visit } from '../support/visitor.js';
import { until } from '../support/wait.js';

const MESSAGES = 500, KEPT = 'web_kept', PASSING = 'web_passing';

test('a disk that hangs delays answers, not messages', { skip: OVER_TLS }, async (t) => {
    const state = join(tempDir(), 'state');
    t.after(() => rmSync(join(state, '..'), { recursive: true, force: true }));
    const faults = new Faults();
    const settings = { 'main.state_dir': state, 'main.shards': 2, 'store.backend': 'sqlite', 'store.durability': 'commit' };
    const server = await faults.server(t, settings);
    await server.query(`INSERT INTO pipes_settings (name, length) VALUES ('${KEPT}', 1000)`);
    const visitor = await (await visit(t, server)).subscribe(KEPT, PASSING);
    const memory = memoryWatch(server);

    faults.set('sync_waits', 1);
    const acknowledged = [];
    const writers = [];
    for (let n = 0; n < 10; n++) {
        const connection = await server.connect(); // nobody waits for the disk to log in
        writers.push(connection.query('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [KEPT, 'e', `sql ${n}`])
            .then(() => acknowledged.push(n)));
        assert.equal((await visitor.on(KEPT)).data, `sql ${n}`, 'heard at once');
    }
    await until(() => faults.get('syncs_waiting') > 0, 'somebody who waits for the disk');
    const speaker = await visit(t, server);
    for (let n = 0; n < MESSAGES; n++) {
        speaker.publish(PASSING, 'e', `"${n}"`);
        assert.equal((await visitor.on(PASSING)).data, `"${n}"`, 'heard while the disk hangs');
    }
    await visit(t, server);
    assert.deepEqual(acknowledged, [], 'no OK before the disk has it');
    t.diagnostic(`${memory.grownMB()} MB more than before, with ${MESSAGES + 10} messages heard and none written`);
    assert.ok(memory.grownMB() < 32, `${memory.grownMB()} MB more than before`);

    faults.set('sync_waits', 0);
    await Promise.all(writers);
    await visitor.vanish();
    server.process.kill('SIGKILL');
    await server.process.ended;
    server.process.result = null; // as told
    server.stop = async () => rmSync(server.directory, { recursive: true, force: true });
    const next = await new Server({ ...settings }).ready();
    t.after(() => next.stop());
    const rows = await next.query(`SELECT message FROM pipes_messages WHERE name = '${KEPT}' LIMIT 1000`);
    assert.deepEqual(rows.map((row) => row.message), Array.from({ length: 10 }, (_, n) => `sql ${n}`));
});
