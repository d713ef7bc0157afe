// The end of a server that has browsers: they are let go at a pace, with what is theirs, and told when to come back.

import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { connect } from '../../client/js/encke.js';
import { OVER_TLS } from './support/over_tls.js';
import { frame, rawVisit } from './support/raw.js';
import { startServer } from './support/server.js';
import { visit } from './support/visitor.js';
import { until, within } from './support/wait.js';

const MANY = 20;

/** A server that the test itself brings to an end, and what is done if it does not get there. */
async function mortal(t, options) {
    const server = await startServer(options);
    t.after(() => server.process.kill('SIGKILL'));
    return server;
}

async function visitors(t, server, channel) {
    const all = await Promise.all(Array.from({ length: MANY }, () => visit(t, server)));
    await Promise.all(all.map((visitor) => visitor.subscribe(channel)));
    return all;
}

const gone = (all) => all.filter((visitor) => visitor.closed).length;

async function endOf(server) {
    const { code, signal, stderr } = await server.process.end();
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, server.process.said());
    return stderr;
}

/** Does nobody listen there? */
const isRefused = (port) => new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(false); });
    socket.once('error', (error) => resolve(error.code === 'ECONNREFUSED'));
});

describe('SIGTERM', () => {
    test('lets one after the other go, and who is still there hears what is published', async (t) => {
        const server = await mortal(t, { 'main.shards': 2, 'main.drain_rate': 10 });
        const all = await visitors(t, server, 'web_drain');
        await server.query('SELECT 1');
        server.process.kill('SIGTERM');
        await until(() => gone(all) > 0, 'the first to be let go');
        assert.ok(gone(all) < MANY, 'all were dropped at once');
        await server.publish('web_drain', 'e', 'who is there?');
        const heard = await until(() => {
            const those = all.filter((visitor) => visitor.inbox.some((frame) => frame.data === 'who is there?'));
            return those.length > 0 && those;
        }, 'somebody who heard it');
        server.process.kill('SIGTERM'); // enough was seen
        await endOf(server);
        await Promise.all(all.map((visitor) => visitor.ended));
        assert.ok(heard.length <= MANY);
    });

    test('takes nobody new', async (t) => {
        const server = await mortal(t, { 'main.shards': 1, 'main.drain_rate': 1 });
        const all = await visitors(t, server, 'web_drain');
        server.process.kill('SIGTERM');
        await until(() => gone(all) > 0, 'the first to be let go');
        await until(() => isRefused(server.wsPort), 'a refusal');
        server.process.kill('SIGTERM');
        await endOf(server);
    });

    test('ends at its timeout when the pace is too slow, and says so', async (t) => {
        const server = await mortal(t, { 'main.drain_rate': 1, 'main.drain_timeout': '200ms' });
        const all = await visitors(t, server, 'web_drain');
        server.process.kill('SIGTERM');
        assert.match(await endOf(server), /connections have not left in time/);
        await Promise.all(all.map((visitor) => visitor.ended));
    });

    test('drops all at once where the timeout is 0', async (t) => {
        const server = await mortal(t, { 'main.drain_rate': 1, 'main.drain_timeout': 0 });
        const all = await visitors(t, server, 'web_drain');
        server.process.kill('SIGTERM');
        assert.doesNotMatch(await endOf(server), /have not left/);
        await Promise.all(all.map((visitor) => visitor.ended));
    });

    test('does not wait for those who are not browsers', async (t) => {
        const server = await mortal(t, { 'main.drain_timeout': '1h' });
        await server.query('SELECT 1');
        server.process.kill('SIGTERM');
        await endOf(server);
    });

    test('gives a slow reader what is queued for it before it goes', async (t) => {
        const server = await mortal(t, { 'main.shards': 1, 'ws.max_queue': '64M' });
        const slow = await rawVisit(t, server), text = 'x'.repeat(60000), count = 200;
        await slow.write(frame('subscription\nweb_slow'));
        await server.untilCount('web_slow', 1);
        slow.socket.pause();
        for (let i = 0; i < count; i++) {
            await server.publish('web_slow', 'e', `${i}:${text}`);
        }
        await until(async () => (await server.query("SELECT queued_bytes FROM connections WHERE protocol = 'classic'"))
            .some((row) => Number(row.queued_bytes) > 0), 'a queue');
        server.process.kill('SIGTERM');
        await until(() => isRefused(server.wsPort), 'the end to begin');
        slow.socket.resume();
        await slow.untilEnd();
        await endOf(server);
        const seen = slow.frames().map((f) => /"data":"(\d+):/.exec(f.payload.toString())?.[1]).filter((n) => n !== undefined);
        assert.deepEqual(seen, Array.from({ length: count }, (_, i) => String(i)));
    });

    test('ends connections that only keep alive', async (t) => {
        const server = await mortal(t, { 'main.drain_timeout': '1h' });
        const socket = net.connect(server.wsPort, '127.0.0.1');
        const closed = new Promise((resolve) => socket.once('close', resolve));
        socket.write('GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n');
        await within(new Promise((resolve) => socket.once('data', resolve)), 'an answer');
        server.process.kill('SIGTERM');
        await within(closed, 'the end');
        await endOf(server);
    }, { skip: OVER_TLS && 'plain bytes' });
});

test('our client is told when to come back, and does', async (t) => {
    const first = await mortal(t, { 'main.shards': 1 });
    const delays = [], client = connect({ url: first.ws, WebSocket, random: () => 0.5 });
    client.on('error', () => {});
    client.on('reconnecting', ({ delay }) => delays.push(delay));
    t.after(() => client.close());
    await within(client.ready(), 'the client to open');
    const told = new Promise((resolve) => client.on('frame', (f) => f.event === 'leaving' && resolve(f)));
    first.process.kill('SIGTERM');
    const { data, pipe } = await within(told, 'the word of leaving');
    assert.equal(pipe, 'sys');
    assert.ok(data.after_ms >= 0 && data.after_ms < 2100, `${data.after_ms}`);
    await endOf(first);
    await until(() => delays.length > 0, 'the plan to come back');
    assert.equal(delays[0], data.after_ms);
    const second = await mortal(t, { 'ws.port': first.wsPort });
    await until(() => client.state === 'open', 'the client to be back');
    await second.stop();
});
