// Memory, made visible and given back: what 20,000 clients took is gone when they are, and who stays hears everything meanwhile.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { OVER_TLS } from './support/over_tls.js';
import { BINARY, serverForTest } from './support/server.js';
import { visit } from './support/visitor.js';
import { DEADLINE_MS, until } from './support/wait.js';

const LOAD = join(dirname(BINARY), 'encke-load');
const LONG_MS = DEADLINE_MS * 6;
const CROWD = 20_000;
const CHANNEL = 'web_crowd';
const EVENTS_A_TURN = 512; // LOOP_EVENTS and LOOP_GRAVES of src/io/loop.h

const skip = existsSync(LOAD) && !OVER_TLS ? false : 'encke-load is not built, or TLS is tested';

async function status(server) {
    const answer = await fetch(`${server.http}/api/status`, { headers: { connection: 'close' } });
    return answer.json();
}

async function counters(server) {
    return Object.fromEntries((await server.query('SHOW GLOBAL STATUS')).map((row) => [row.Variable_name, Number(row.Value)]));
}

/** `count` more visitors of CHANNEL from another process, all of them there. */
async function crowd(t, server, count) {
    const before = (await status(server)).subscriptions;
    const child = spawn(LOAD, [server.ws, '-c', count, '-r', '0', '--classic', '--channel', CHANNEL, '--hold', '600s',
                               '--timeout', '120s', '-q'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '', seen;
    child.stdout.on('data', (text) => (said += text));
    child.stderr.on('data', (text) => (said += text));
    t.after(() => child.kill('SIGKILL'));
    await until(async () => {
        assert.equal(child.exitCode, null, `encke-load ended: ${said}`);
        return (seen = (await status(server)).subscriptions) === before + count;
    }, () => `${before + count} subscriptions, there are ${seen}`, LONG_MS);
    return child;
}

async function untilSessions(server, expected) {
    let seen;
    await until(async () => (seen = (await status(server)).sessions) === expected, () => `${expected} sessions, there are ${seen}`, LONG_MS);
}

const sum = (object) => Object.values(object).reduce((total, value) => total + value, 0);
const held = ({ memory }) => sum(Object.values(memory.slabs).map((slab) => slab.held)) + sum(memory.structures);
/** Resident now, without the pages of the program and its libraries. */
const anonymous = (server) => kernelSays(server, 'RssAnon');
const kernelSays = (server, what) => Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${server.process.pid}/status`, 'utf8'))[1]) * 1024;

/** A sanitizer reserves terabytes for its own books, and gives nothing of what it has written there back. */
const isSanitized = (server) => kernelSays(server, 'VmSize') > 2 ** 40;

describe('memory', { skip }, () => {
    test('20,000 clients take what is documented, and give it back when they leave at once', async (t) => {
        const server = await serverForTest(t, { 'main.shards': 3, 'ws.max_connections': CROWD + 1000 });
        const stayer = await visit(t, server);
        await stayer.subscribe(CHANNEL);

        // A shard that has served somebody once keeps a chunk of each slab: that is the idle level.
        const few = await crowd(t, server, 1500);
        few.kill('SIGKILL');
        await untilSessions(server, 1);
        const idle = await status(server), idleResident = anonymous(server);

        const many = await crowd(t, server, CROWD);
        const full = await status(server), fullResident = anonymous(server);
        assert.ok(held(full) - held(idle) >= CROWD * 200, 'a connection is 64 + 144 + 8 bytes, less what an idle server keeps');
        assert.ok(held(full) - held(idle) <= CROWD * 300, `${(held(full) - held(idle)) / CROWD} bytes a connection`);
        assert.equal(full.memory.slabs.streams.used, (CROWD + 2 + server.connections.length) * 64);

        many.kill('SIGKILL');
        await untilSessions(server, 1);
        let after;
        await until(async () => held(after = await status(server)) <= held(idle) * 1.1,
                    () => `${held(idle)} bytes held as before, there are ${held(after)}: ${JSON.stringify(after.memory)}`);
        assert.ok(after.memory.structures.seats <= 4096 * 3, 'the seats of one who stays');
        await until(() => isSanitized(server) || anonymous(server) - idleResident <= (fullResident - idleResident) * 0.25,
                    () => `${idleResident} bytes resident of ${fullResident}, there are ${anonymous(server)}`, LONG_MS);

        await server.publish(CHANNEL, 'e', 'still here');
        assert.equal((await stayer.on(CHANNEL)).data, 'still here');
    });

    test('while 20,000 are cut at once, turns stay short and who stays hears what is said', async (t) => {
        const server = await serverForTest(t, { 'main.shards': 2, 'ws.max_connections': CROWD + 1000 });
        const stayer = await visit(t, server);
        await stayer.subscribe('web_stay');
        const many = await crowd(t, server, CROWD);
        let before; // when the last request for the status has ended as well
        await until(async () => (before = await counters(server)).ws_connections === CROWD + 1, () => `${CROWD + 1} connections, there are ${before.ws_connections}`);

        many.kill('SIGKILL');
        for (let heard = 0, sessions = CROWD; sessions > 1; heard++) {
            await server.publish('web_stay', `e${heard}`, 'x');
            assert.equal((await stayer.on('web_stay', LONG_MS)).event, `e${heard}`);
            ({ sessions } = await counters(server));
        }
        const after = await counters(server);
        const turns = after.turns - before.turns, ended = after.ws_connections_ended - before.ws_connections_ended;
        assert.equal(ended, CROWD);
        assert.ok(ended / turns <= EVENTS_A_TURN, `${ended} ended in ${turns} turns`);
    });

    test('the parts of the memory are the whole, for SQL and for HTTP', async (t) => {
        const server = await serverForTest(t, {});
        const { memory } = await status(server);
        const slabs = sum(Object.values(memory.slabs).map((slab) => slab.held));
        const whole = memory.files + slabs + sum(memory.structures) + memory.rest + memory.other;
        assert.ok(memory.rss > 0 && Math.abs(whole - memory.rss) < 65536, JSON.stringify(memory));
        assert.ok(memory.structures.shards > 0);

        const seen = await counters(server);
        assert.ok(seen.rss_bytes >= seen.rss_files_bytes && seen.rss_files_bytes > 0);
        assert.ok(seen.slab_sql_used_bytes > 0 && seen.slab_sql_bytes >= seen.slab_sql_used_bytes);
        for (const name of ['memory_rest_bytes', 'memory_other_bytes', 'memory_store_bytes', 'inbox_letters']) {
            assert.ok(seen[name] >= 0, name);
        }
    });
});
