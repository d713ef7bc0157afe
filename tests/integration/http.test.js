// HTTP/1.1 on the WebSocket port: pages, files, limits, and what comes in odd pieces.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { dial } from './support/raw.js';
import { ROOT, serverForSuite, serverForTest, tempDir } from './support/server.js';
import { until, within } from './support/wait.js';

/** Splits a stream of answers; HEAD answers have no body, so the caller says which are. */
function parseAnswers(bytes, isHead = () => false) {
    const answers = [];
    for (let at = 0; at < bytes.length;) {
        const end = bytes.indexOf('\r\n\r\n', at);
        if (end < 0) {
            break;
        }
        const [first, ...lines] = bytes.toString('latin1', at, end).split('\r\n');
        const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
        const status = Number(first.split(' ')[1]);
        const length = isHead(answers.length) || status === 304 || status === 204 ? 0 : Number(headers['content-length'] ?? 0);
        if (bytes.length < end + 4 + length) {
            break;
        }
        answers.push({ first, status, headers, body: bytes.subarray(end + 4, end + 4 + length) });
        at = end + 4 + length;
    }
    return answers;
}

const get = (path, headers = [], method = 'GET') => [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');

/** One request on a connection of its own. */
async function ask(t, server, request, { head = false } = {}) {
    const raw = await dial(t, server.wsPort);
    await raw.write(request);
    const answer = await until(() => {
        const [found] = parseAnswers(raw.received, () => head);
        assert.ok(found || !raw.ended, `the connection ended before an answer: ${raw.text()}`);
        return found;
    }, () => `an answer to ${request.slice(0, 100)}; got ${raw.text().slice(0, 400)}`);
    return { ...answer, raw };
}

describe('pages inside the program', () => {
    const suite = serverForSuite({ 'main.node_name': 'n1' });

    test('the demo page', async () => {
        const answer = await fetch(`${suite.at.http}/`);
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('content-type'), /^text\/html/);
        const html = await answer.text();
        for (const id of ['chat-log', 'chat-form', 'chat-input', 'watch-form', 'watch-log', 'presence-list', 'figures', 'state']) {
            assert.ok(html.includes(`id="${id}"`), id);
        }
    });

    test('the client is served byte for byte as it stands in the tree', async () => {
        const answer = await fetch(`${suite.at.http}/js/encke.js`);
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('content-type'), /^(text|application)\/javascript/);
        assert.deepEqual(Buffer.from(await answer.arrayBuffer()), readFileSync(join(ROOT, 'client/js/encke.js')));
    });

    test('everything the demo page names is there', async () => {
        const html = await (await fetch(`${suite.at.http}/`)).text();
        const names = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map((match) => match[1]).filter((name) => !/^(https?:|data:|mailto:)/.test(name));
        assert.ok(names.length > 0);
        for (const name of names) {
            assert.equal((await fetch(new URL(name, `${suite.at.http}/`))).status, 200, name);
        }
    });

    test('/info says ok and the name of the node in ten characters', async () => {
        for (const path of ['/info', '/comet-server/info']) {
            const answer = await fetch(suite.at.http + path);
            assert.equal(answer.status, 200);
            assert.deepEqual(await answer.json(), { status: 'ok', node: 'n1________' });
            assert.equal(answer.headers.get('access-control-allow-origin')?.trim(), '*');
        }
    });

    test('/api/status is JSON with figures', async () => {
        const answer = await fetch(`${suite.at.http}/api/status`);
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('content-type'), /^application\/json/);
        assert.equal(typeof (await answer.json()), 'object');
    });

    test('/metrics has every counter, as Prometheus reads it', async (t) => {
        const server = await serverForTest(t, {});
        const answer = await fetch(`${server.http}/metrics`);
        assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
        const lines = (await answer.text()).trimEnd().split('\n'), values = new Map();
        for (let i = 0; i < lines.length; i += 3) {
            const [, name, help] = /^# HELP (\w+) (\S.*)$/.exec(lines[i]) ?? assert.fail(lines[i]);
            const type = new RegExp(`^# TYPE ${name} (counter|gauge)$`).exec(lines[i + 1]) ?? assert.fail(lines[i + 1]);
            const value = new RegExp(`^${name}(?:\\{version="[^"]+"\\})? ([\\d.]+)$`).exec(lines[i + 2]) ?? assert.fail(lines[i + 2]);
            assert.equal(name.endsWith('_total'), type[1] === 'counter', name);
            assert.ok(help.length > 0 && !values.has(name));
            values.set(name, Number(value[1]));
        }
        const documented = [...readFileSync(join(ROOT, 'docs/reference/counters.md'), 'utf8').matchAll(/^\| `(\w+)` .* \| (total|gauge) \|/gm)];
        assert.ok(documented.length > 50);
        for (const [, key, kind] of documented) {
            assert.ok(values.has(`encke_${key}${kind === 'total' ? '_total' : ''}`), key);
        }
        assert.ok(values.get('encke_ws_connections') >= 1 && values.get('process_resident_memory_bytes') > 0);
        assert.equal((await fetch(`${server.http}/metrics`, { method: 'HEAD' })).status, 200);
    });

    test('/favicon.ico is an icon', async () => {
        const answer = await fetch(`${suite.at.http}/favicon.ico`);
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('content-type'), /^image\//);
        assert.ok((await answer.arrayBuffer()).byteLength > 0);
    });

    test('OPTIONS is answered for pages of other hosts', async (t) => {
        for (const path of ['/', '/info', '/ws/x', '/anything']) {
            const answer = await ask(t, suite.at, get(path, ['Origin: http://example.org', 'Access-Control-Request-Method: POST'], 'OPTIONS'));
            assert.ok([200, 204].includes(answer.status), `${path}: ${answer.status}`);
            assert.equal(answer.headers['access-control-allow-origin'], '*');
            assert.match(answer.headers['access-control-allow-methods'], /GET/);
        }
    });

    test('HEAD gives the headers of GET and no body', async (t) => {
        for (const path of ['/', '/js/encke.js', '/info', '/nowhere']) {
            const full = await ask(t, suite.at, get(path, ['Connection: close']));
            const { status, headers, raw } = await ask(t, suite.at, get(path, ['Connection: close'], 'HEAD'), { head: true });
            assert.equal(status, full.status);
            assert.equal(headers['content-length'], full.headers['content-length'], path);
            assert.equal(headers['content-type'], full.headers['content-type']);
            await raw.untilEnd();
            assert.ok(raw.text().endsWith('\r\n\r\n'), 'no body');
        }
    });

    test('an ETag saves the second transfer', async (t) => {
        const { headers } = await ask(t, suite.at, get('/js/encke.js'));
        assert.match(headers.etag, /^(W\/)?"[^"]+"$/);
        for (const value of [headers.etag, `"other", ${headers.etag}`, '*']) {
            const again = await ask(t, suite.at, get('/js/encke.js', [`If-None-Match: ${value}`]));
            assert.equal(again.status, 304, value);
            assert.equal(again.headers.etag, headers.etag);
        }
        assert.equal((await ask(t, suite.at, get('/js/encke.js', ['If-None-Match: "other"']))).status, 200);
    });

    test('a query does not change what a path names', async (t) => {
        assert.equal((await ask(t, suite.at, get('/js/encke.js?v=1'))).status, 200);
        assert.equal((await ask(t, suite.at, get('/?a=b&c'))).status, 200);
        assert.equal((await ask(t, suite.at, get('/info?x'))).status, 200);
    });
});

describe('requests', () => {
    const suite = serverForSuite({ 'ws.head_timeout': '400ms', 'ws.keepalive': '400ms' });

    const refused = [
        ['a page that is not there', get('/nowhere'), 404],
        ['long polling', get('/sesion=&myid=0&devid=0&v=4.08', ['Content-Length: 0'], 'POST'), [404, 405]],
        ['a method that a page does not have', get('/', ['Content-Length: 0'], 'DELETE'), 405],
        ['a POST to a page', get('/', ['Content-Length: 0'], 'POST'), [404, 405]],
        ['no method', ' / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['no version', 'GET /\r\nHost: x\r\n\r\n', 400],
        ['another protocol', 'GET / SIP/2.0\r\nHost: x\r\n\r\n', 400],
        ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: x\r\n\r\n', [400, 505]],
        ['garbage', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
        ['a header without colon', 'GET / HTTP/1.1\r\nHost x\r\n\r\n', 400],
        ['a blank before the colon', 'GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n', 400],
        ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n', 400],
        ['an empty header name', 'GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n', 400],
        ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n', 400],
        ['a bad percent escape', 'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n', [400, 404]],
        ['a Content-Length that is no number', get('/info', ['Content-Length: x'], 'POST'), 400],
        ['two different Content-Lengths', get('/info', ['Content-Length: 1', 'Content-Length: 2'], 'POST'), 400],
        ['a negative Content-Length', get('/info', ['Content-Length: -1'], 'POST'), 400],
        ['a Content-Length that overflows', get('/info', ['Content-Length: 99999999999999999999999'], 'POST'), [400, 413]],
        ['a body that is too large', get('/info', [`Content-Length: ${(1 << 20) + 1}`], 'POST'), 413],
        ['a chunked body', get('/info', ['Transfer-Encoding: chunked'], 'POST'), [400, 404, 405, 411, 501]],
        ['too many headers', get('/', Array.from({ length: 101 }, (_, i) => `X-${i}: y`)), 431],
        ['a head that is too large', get('/', [`X: ${'y'.repeat(20_000)}`]), 431],
        ['a path that is too long', get(`/${'x'.repeat(20_000)}`), [414, 431]],
    ];
    for (const [what, request, statuses] of refused) {
        test(`${what}: ${statuses}`, async (t) => {
            const answer = await ask(t, suite.at, request);
            assert.ok([statuses].flat().includes(answer.status), `${answer.status} ${answer.body}`);
            assert.match(answer.headers['content-length'], /^\d+$/);
            assert.equal(answer.body.length, Number(answer.headers['content-length']));
            assert.ok(answer.body.length > 0, 'a sentence');
            if (answer.status === 405) {
                assert.ok(answer.headers.allow, 'which methods there are');
            }
        });
    }

    test('a head that never gets complete is answered with 408', async (t) => {
        const raw = await dial(t, suite.at.wsPort);
        await raw.write('GET / HTTP/1.1\r\nHost: x\r\n');
        await raw.untilEnd();
        assert.match(raw.text(), /^HTTP\/1\.1 408 [^]*\r\nContent-Length: \d+\r\n/);
    });

    test('a client that drips its head does not win time', async (t) => {
        const raw = await dial(t, suite.at.wsPort);
        const drip = (async () => {
            await raw.write('GET / HTTP/1.1\r\nX: ');
            while (!raw.ended && !raw.closed) {
                await raw.write('y');
                await new Promise((resolve) => setTimeout(resolve, 20));
            }
        })();
        await raw.untilEnd();
        await drip;
    });

    test('a connection that says nothing, or nothing more, is ended', async (t) => {
        const silent = await dial(t, suite.at.wsPort);
        const asked = await ask(t, suite.at, get('/info'));
        await silent.untilEnd();
        await asked.raw.untilEnd();
    });

    test('a request that comes byte by byte is a request', async (t) => {
        const raw = await dial(t, suite.at.wsPort);
        await raw.writeByBytes(get('/info', ['Connection: close']));
        await raw.untilEnd();
        const [answer] = parseAnswers(raw.received);
        assert.ok([200, 408].includes(answer.status));
        assert.equal(answer.status, 200);
    });

    test('a request split at any byte is a request, also at the end of a line', async (t) => {
        const request = get('/info', ['X-Long-Header-Name: value']);
        for (let at = 1; at < request.length; at += 1) {
            const raw = await dial(t, suite.at.wsPort);
            await raw.write(request.slice(0, at));
            await new Promise(setImmediate);
            await raw.write(request.slice(at));
            const answer = await until(() => parseAnswers(raw.received)[0], `an answer, split at ${at}`);
            assert.equal(answer.status, 200, `split at ${at}`);
            raw.destroy();
        }
    });

    test('a connection is kept, and pipelined requests are answered in order', async (t) => {
        const raw = await dial(t, suite.at.wsPort);
        const paths = ['/info', '/nowhere.txt', '/js/encke.js', '/info', '/'];
        const statuses = [200, 404, 200, 200, 200];
        await raw.write(paths.map((path) => get(path)).join(''));
        const answers = await until(() => {
            const found = parseAnswers(raw.received);
            return (found.length >= paths.length || raw.ended) && found;
        }, () => `${paths.length} answers, have ${parseAnswers(raw.received).length}`);
        const kept = answers[1].headers.connection === 'close' ? 2 : paths.length; // a fault may end the connection
        assert.deepEqual(answers.map((a) => a.status), statuses.slice(0, kept));
        const many = await dial(t, suite.at.wsPort);
        await many.write(get('/info').repeat(50) + get('/info', ['Connection: close']));
        await many.untilEnd();
        assert.equal(parseAnswers(many.received).length, 51);
    });

    test('one connection after the other request of HTTP/1.0 is closed, and of 1.1 is kept', async (t) => {
        const old = await ask(t, suite.at, 'GET /info HTTP/1.0\r\n\r\n');
        assert.equal(old.status, 200);
        await old.raw.untilEnd();
        const raw = await dial(t, suite.at.wsPort);
        for (let i = 1; i <= 3; i++) {
            await raw.write(get('/info'));
            await until(() => parseAnswers(raw.received).length === i, `answer ${i}`);
        }
    });

    test('a body with a GET is taken off the stream', async (t) => {
        const raw = await dial(t, suite.at.wsPort);
        await raw.write(`${get('/info', ['Content-Length: 5'])}hello${get('/info', ['Connection: close'])}`);
        await raw.untilEnd();
        assert.deepEqual(parseAnswers(raw.received).map((a) => a.status), [200, 200]);
    });

    test('a client that does not wait for its answers does no harm', async () => {
        for (let i = 0; i < 50; i++) {
            const controller = new AbortController();
            const answer = fetch(`${suite.at.http}/js/encke.js`, { signal: controller.signal }).catch(() => {});
            controller.abort();
            await answer;
        }
        assert.equal((await fetch(`${suite.at.http}/info`)).status, 200);
    });
});

describe('files of a directory', () => {
    const base = tempDir();
    const site = join(base, 'site');
    mkdirSync(join(site, 'sub dir'), { recursive: true });
    mkdirSync(join(site, 'empty'));
    writeFileSync(join(base, 'secret.txt'), 'secret');
    mkdirSync(join(base, 'site-private'));
    writeFileSync(join(base, 'site-private', 'x.txt'), 'secret');
    writeFileSync(join(site, 'page.html'), '<p>page</p>');
    writeFileSync(join(site, 'a.js'), 'export {};');
    writeFileSync(join(site, 'sub dir', 'é +.txt'), 'text');
    writeFileSync(join(site, 'zero.txt'), '');
    writeFileSync(join(site, 'big.bin'), Buffer.alloc(3_000_000, 7));
    symlinkSync(join(base, 'secret.txt'), join(site, 'link.txt'));
    symlinkSync(base, join(site, 'up'));
    after(() => rmSync(base, { recursive: true, force: true }));
    test('a directory that is not there is said, and everything else is served', async (t) => {
        const server = await serverForTest(t, { 'main.base_dir': '/nonexistent/site' });
        assert.match(server.process.stderr, /warn .*\/nonexistent\/site, cannot be opened: No such file or directory; only the pages inside/);
        assert.equal((await fetch(`${server.http}/js/encke.js`)).status, 200);
        assert.equal((await fetch(`${server.http}/page.html`)).status, 404);
    });

    const suite = serverForSuite({ 'main.base_dir': site });

    test('files are served with their type', async () => {
        for (const [path, type, body] of [
            ['/page.html', /^text\/html/, '<p>page</p>'], ['/a.js', /javascript/, 'export {};'], ['/comet-server/a.js', /javascript/, 'export {};'],
            ['/sub%20dir/%C3%A9%20+.txt', /^text\/plain/, 'text'], ['/zero.txt', /^text\/plain/, ''], ['/page.html?x=1', /^text\/html/, '<p>page</p>'],
        ]) {
            const answer = await fetch(suite.at.http + path);
            assert.equal(answer.status, 200, path);
            assert.match(answer.headers.get('content-type'), type, path);
            assert.equal(await answer.text(), body, path);
        }
    });

    test('a large file comes whole, also to a slow reader', async (t) => {
        const answer = await fetch(`${suite.at.http}/big.bin`);
        if (answer.status === 200) {
            const bytes = Buffer.from(await answer.arrayBuffer());
            assert.equal(bytes.length, 3_000_000);
            assert.ok(bytes.every((byte) => byte === 7));
            const raw = await dial(t, suite.at.wsPort);
            raw.socket.pause();
            await raw.write(get('/big.bin', ['Connection: close']));
            await within(fetch(`${suite.at.http}/info`), 'others to be served meanwhile');
            raw.socket.resume();
            await raw.untilEnd();
            assert.equal(parseAnswers(raw.received)[0].body.length, 3_000_000);
        } else {
            assert.equal(answer.status, 404, 'a type that is not served');
        }
    });

    test('nothing outside the directory is served', async (t) => {
        const paths = [
            '/../secret.txt', '/sub%20dir/../../secret.txt', '/%2e%2e/secret.txt', '/%2E%2E%2Fsecret.txt', '/..%2fsecret.txt', '/.%2e/secret.txt',
            '/link.txt', '/up/secret.txt', '//../secret.txt', '/./../secret.txt', '/..%5csecret.txt', '/%00', '/page.html%00.txt', '/../site-private/x.txt',
            '/comet-server/../secret.txt', '/comet-server/%2e%2e/secret.txt', `/${'../'.repeat(10)}etc/hostname`, join(base, 'secret.txt'), '/%2f..%2fsecret.txt',
        ];
        for (const path of paths) {
            const answer = await ask(t, suite.at, get(path));
            assert.ok([400, 403, 404].includes(answer.status), `${path}: ${answer.status}`);
            assert.ok(!answer.body.includes('secret\n') && answer.body.toString() !== 'secret', path);
        }
    });

    test('directories are not listed, and missing files are missing', async (t) => {
        for (const path of ['/empty', '/empty/', '/sub%20dir', '/missing.html', '/page.html/', '/page.html/x']) {
            assert.ok([403, 404].includes((await ask(t, suite.at, get(path))).status), path);
        }
        assert.ok(existsSync(site));
    });

    test('a file that changes is seen', async (t) => {
        const file = join(site, 'change.txt');
        writeFileSync(file, 'one');
        const first = await ask(t, suite.at, get('/change.txt'));
        assert.equal(first.body.toString(), 'one');
        writeFileSync(file, 'three');
        const second = await ask(t, suite.at, get('/change.txt', first.headers.etag ? [`If-None-Match: ${first.headers.etag}`] : []));
        assert.equal(second.status, 200);
        assert.equal(second.body.toString(), 'three');
    });
});
