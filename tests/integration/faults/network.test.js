// Networks and strangers at their worst. In each case who behaves is served all the while, and the memory is bounded by a number that is
// printed. (Floods, readers that stop and limits by address are in ../limits.test.js and ../many.test.js.)

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import net from 'node:net';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { LOAD_BINARY } from '../support/encke_load.js';
import { memoryWatch } from '../support/faults.js';
import { OVER_TLS } from '../support/over_tls.js';
import { frame, rawVisit } from '../support/raw.js';
import { serverForTest } from '../support/server.js';
import { visit } from '../support/visitor.js';
import { DEADLINE_MS, turn, until } from '../support/wait.js';

const HEARD = 'web_heard';
const status = async (server) => (await fetch(`${server.http}/api/status`, { headers: { connection: 'close' } })).json();
const counter = async (server, name) => Number((await server.query('SHOW GLOBAL STATUS')).find((row) => row.Variable_name === name).Value);

/* Somebody who behaves: comes, is told something, hears it. `served` may be called at any time. */
async function witness(t, server) {
    const visitor = await (await visit(t, server)).subscribe(HEARD);
    let said = 0;
    return async () => {
        await server.publish(HEARD, 'e', `n${said}`);
        assert.equal((await visitor.on(HEARD)).data, `n${said++}`);
    };
}

test('10,000 connections that never finish their handshake', { skip: OVER_TLS, timeout: 120_000 }, async (t) => {
    const server = await serverForTest(t, { 'main.shards': 2, 'ws.max_connections': 30_000 });
    const served = await witness(t, server);
    const memory = memoryWatch(server), silent = [];
    t.after(() => silent.forEach((socket) => socket.destroy()));
    let most = 0;
    for (let round = 0; round < 50; round++) {
        await Promise.all(Array.from({ length: 200 }, (_, i) => new Promise((resolve) => {
            const socket = net.connect(server.wsPort, '127.0.0.1', resolve).on('error', resolve).resume();
            socket.write(['', 'G', 'GET /ws/ HTTP/1.1\r\nHost: a\r\nX: ', `GET /${'x'.repeat(2000)}`][i % 4]);
            silent.push(socket);
        })));
        await served();
        await (await visit(t, server)).vanish();
        most = Math.max(most, memory.grownMB());
    }
    t.diagnostic(`${silent.length} connections took ${most} MB at most; ${await counter(server, 'handshakes_given_up')} were given up`);
    assert.ok(most < 64, `${most} MB`);
});

test('those who send a byte at a time', { skip: OVER_TLS, timeout: 120_000 }, async (t) => {
    const server = await serverForTest(t, { 'main.shards': 2, 'ws.head_timeout': '1s' });
    const served = await witness(t, server);
    const memory = memoryWatch(server), request = Buffer.from(`GET /ws/ HTTP/1.1\r\nHost: a\r\nX-Slow: ${'z'.repeat(100_000)}`);
    const slow = Array.from({ length: 300 }, () => net.connect(server.wsPort, '127.0.0.1').on('error', () => {}).resume().setNoDelay(true));
    t.after(() => slow.forEach((socket) => socket.destroy()));
    for (let at = 0; slow.some((socket) => !socket.destroyed); at++) {
        slow.filter((socket) => !socket.destroyed).forEach((socket) => socket.write(request.subarray(at, at + 1)));
        if (at % 20 === 0) {
            await served();
        }
        await turn();
        assert.ok(at < request.length, 'a byte does not put off the deadline of the head');
    }
    t.diagnostic(`${slow.length} slow connections were ended; ${memory.grownMB()} MB more than before`);
    assert.ok(memory.grownMB() < 32);
    await served();
});

test('resets in the middle of a frame, in and out', { skip: OVER_TLS, timeout: 120_000 }, async (t) => {
    const server = await serverForTest(t, { 'main.shards': 2 });
    const served = await witness(t, server);
    const memory = memoryWatch(server), large = frame(`web_pipe2\nweb_b\ne\n*\n${'x'.repeat(60_000)}`);
    for (let round = 0; round < 20; round++) {
        const visitors = await Promise.all(Array.from({ length: 20 }, () => rawVisit(t, server)));
        await Promise.all(visitors.map(async (visitor, i) => {
            visitor.command('subscription', 'web_b');
            if (i % 3 === 0) {
                visitor.socket.pause(); // what is said stays on its way out
            }
            visitor.write(Buffer.concat([i % 2 ? large : Buffer.alloc(0), large.subarray(0, [1, 2, 5, 100, 30_000][i % 5])]));
            await turn();
            visitor.reset();
        }));
        await served();
    }
    await until(async () => (await status(server)).sessions === 1, 'all others to be gone');
    t.diagnostic(`400 resets; ${memory.grownMB()} MB more than before`);
    assert.ok(memory.grownMB() < 64);
    assert.equal(await counter(server, 'queued_bytes'), 0);
});

/* A cable of our own into a network of our own, with the other end of it in a namespace. Needs root; null: cannot be had here. */
function cable(t) {
    const name = `encke${process.pid % 10_000}`, net16 = `10.${200 + process.pid % 50}.${process.pid % 250}`;
    const ip = (...words) => execFileSync('ip', words, { stdio: 'pipe' });
    try {
        ip('netns', 'add', name);
        t.after(() => ip('netns', 'del', name));
        ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`, 'netns', name);
        t.after(() => { try { ip('link', 'del', `${name}a`); } catch { /* went with its other end */ } });
        ip('addr', 'add', `${net16}.1/30`, 'dev', `${name}a`);
        ip('link', 'set', `${name}a`, 'up');
        ip('-n', name, 'addr', 'add', `${net16}.2/30`, 'dev', `${name}b`);
        ip('-n', name, 'link', 'set', `${name}b`, 'up');
    } catch {
        return null;
    }
    return { address: `${net16}.1`, run: (...words) => ['ip', 'netns', 'exec', name, ...words], cut: () => ip('-n', name, 'link', 'set', `${name}b`, 'down') };
}

test('half-open connections: the cable is cut, and no packet says so', { skip: OVER_TLS, timeout: 120_000 }, async (t) => {
    const wire = existsSync(LOAD_BINARY) ? cable(t) : null;
    if (wire === null) {
        t.skip('encke-load is not built, or there is no network namespace to be had');
        return;
    }
    const server = await serverForTest(t, { 'main.shards': 2, 'ws.ip': '0.0.0.0', 'ws.ping': '200ms', 'ws.idle': '2s', 'limits.exempt': 'loopback,10.0.0.0/8' });
    const served = await witness(t, server);
    const memory = memoryWatch(server);
    const [command, ...words] = wire.run(LOAD_BINARY, `ws://${wire.address}:${server.wsPort}`, '-c', '500', '-r', '0', '--classic', '--channel', HEARD,
                                         '--hold', '600s', '-q');
    const load = spawn(command, words, { stdio: 'ignore' });
    t.after(() => load.kill('SIGKILL'));
    await until(async () => (await status(server)).subscriptions === 501, '500 at the other end', DEADLINE_MS * 3);
    await served();
    wire.cut();
    let most = 0;
    await until(async () => {
        await served();
        most = Math.max(most, memory.grownMB());
        return (await status(server)).sessions === 1;
    }, 'those who do not answer to be given up', DEADLINE_MS * 3);
    t.diagnostic(`500 went without a word; ${most} MB more than before at most`);
    assert.ok(most < 64);
    await until(async () => await counter(server, 'queued_bytes') === 0, 'nothing to be queued for the dead');
});
