// Session tickets: who comes back spares both sides the certificate. Their rotation is tested in tests/unit/io/tls.c, with a clock of its own.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, test } from 'node:test';
import tls from 'node:tls';
import { Authority } from './support/certificates.js';
import { serverForTest } from './support/server.js';
import { upgradedServer } from './support/upgraded.js';
import { DEADLINE_MS, until, within } from './support/wait.js';

const authority = new Authority();
after(() => authority.remove());
const one = authority.sign('one', { hosts: ['DNS:one.test'] }), two = authority.sign('two', { hosts: ['DNS:two.test'] });

/** A connection that asks for a page: was the handshake a short one, and the ticket that it got (undefined when there was none). */
async function visit(port, { version = 'TLSv1.3', session, servername = 'one.test' } = {}) {
    const socket = tls.connect({ port, host: '127.0.0.1', ca: authority.pem, servername, session, minVersion: version, maxVersion: version });
    let ticket, text = '';
    socket.on('session', (given) => (ticket = given)).on('data', (bytes) => (text += bytes)).on('error', () => {});
    await within(new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject)), 'the handshake');
    const reused = socket.isSessionReused();
    socket.write('GET /info HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n');
    await until(() => text.startsWith('HTTP/1.1 200'), () => `an answer, got ${text}`); // tickets come before it
    socket.destroy();
    return { reused, ticket };
}

/** What `openssl s_client` says when it is told `input`, and then nothing more. */
const openssl = (input, ...words) => new Promise((resolve) => {
    const child = execFile('openssl', ['s_client', '-CAfile', authority.file, ...words], { timeout: DEADLINE_MS }, (error, stdout) => resolve(stdout));
    child.stdin.end(input);
});

test('a ticket opens a short handshake, for another certificate and after SIGHUP as well', async (t) => {
    const server = await serverForTest(t, { 'ws.tls_certificate': `${one.both},${two.both}`, 'main.shards': 2 });
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
        const first = await visit(server.wsPort, { version });
        assert.equal(first.reused, false);
        for (let i = 0; i < 8; i++) { // one shard or another
            assert.equal((await visit(server.wsPort, { version, session: first.ticket })).reused, true, version);
        }
        const lines = () => server.process.stderr.split('the certificates were read again').length;
        const before = lines();
        server.process.kill('SIGHUP');
        await until(() => lines() > before, 'the new certificates');
        assert.equal((await visit(server.wsPort, { version, session: first.ticket })).reused, true, `${version} after SIGHUP`);
    }
    const other = await visit(server.wsPort, { servername: 'two.test' });
    assert.equal((await visit(server.wsPort, { servername: 'two.test', session: other.ticket })).reused, true);
});

test('openssl s_client comes back with what it saved', async (t) => {
    const server = await serverForTest(t, { 'ws.tls_certificate': one.both });
    const file = authority.path('session.pem');
    const client = (...words) => openssl('GET /info HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n', '-connect',
                                         `127.0.0.1:${server.wsPort}`, '-servername', 'one.test', ...words);
    for (const version of ['-tls1_3', '-tls1_2']) {
        assert.match(await client(version, '-ign_eof', '-sess_out', file), /^New, TLSv1/m);
        assert.match(await client(version, '-ign_eof', '-sess_in', file), /^Reused, TLSv1/m);
    }
});

test('with a rotation of 0 there are none, and everybody gets in', async (t) => {
    const server = await serverForTest(t, { 'ws.tls_certificate': one.both, 'tls.ticket_rotation': 0 });
    const tls3 = await visit(server.wsPort), tls2 = await visit(server.wsPort, { version: 'TLSv1.2' });
    assert.equal(tls3.ticket, undefined);
    assert.equal((await visit(server.wsPort, { version: 'TLSv1.2', session: tls2.ticket })).reused, false);
});

test('keys are replaced while the server runs', async (t) => {
    const server = await serverForTest(t, { 'ws.tls_certificate': one.both, 'tls.ticket_rotation': '1s', 'log.level': 'debug' });
    const { ticket } = await visit(server.wsPort);
    await until(() => server.process.stderr.split('tickets have a new key').length > 3, 'three new keys');
    assert.equal((await visit(server.wsPort, { session: ticket })).reused, false);
});

test('an upgrade hands the keys on', async (t) => {
    const server = await upgradedServer(t, { 'ws.tls_certificate': one.both });
    const { ticket } = await visit(server.wsPort);
    await server.upgrade();
    await until(() => server.readyLines === 2, 'the new process');
    assert.equal((await visit(server.wsPort, { session: ticket })).reused, true);
});

test('the CometQL port', async (t) => {
    const server = await serverForTest(t, { 'cometql.tls_certificate': one.both });
    const file = authority.path('sql-session.pem');
    const client = (...words) => openssl('', '-starttls', 'mysql', '-connect', `127.0.0.1:${server.sqlPort}`, '-tls1_2', ...words);
    assert.match(await client('-sess_out', file), /^New, TLSv1/m);
    assert.match(await client('-sess_in', file), /^Reused, TLSv1/m);
});
