// The process: how it starts, what it says, what it refuses, how it ends.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import mysql from 'mysql2/promise';
import { rawVisit } from './support/raw.js';
import { Process, run, Server, serverForTest, startServer, tempDir } from './support/server.js';
import { visit, Visitor } from './support/visitor.js';
import { until } from './support/wait.js';

function directory(t) {
    const path = tempDir();
    t.after(() => rmSync(path, { recursive: true, force: true }));
    return path;
}

/** The options of a server that may start anywhere. */
const anywhere = (dir) => ['--ws.ip=127.0.0.1', '--ws.port=0', '--cometql.port=0', `--main.state_dir=${join(dir, 'state')}`];

describe('ending', () => {
    for (const signal of ['SIGINT', 'SIGTERM']) {
        test(`${signal} ends it cleanly, with connections open`, async (t) => {
            const server = await startServer({ 'main.shards': 2 });
            const visitor = await visit(t, server);
            await visitor.subscribe('web_end');
            const raw = await rawVisit(t, server);
            const sql = await server.connect();
            await sql.query('SELECT 1');
            await server.stop(signal); // asserts exit code 0
            await raw.untilEnd();
            assert.deepEqual(raw.frames().map((f) => f.opcode), [1], 'no Close frame: the library shall come back');
            await visitor.ended;
            assert.equal(visitor.controls.closeCode, 1006);
        });
    }

    test('a second signal during the end is no reason to crash', async () => {
        const server = await startServer();
        server.process.kill('SIGTERM');
        server.process.kill('SIGTERM');
        const { code, signal } = await server.process.end();
        assert.ok(code === 0 || signal === 'SIGTERM', `${code} ${signal}`);
    });

    test('the ports are free again at once', async () => {
        const first = await startServer();
        const { wsPort, sqlPort } = first;
        await first.query('SELECT 1');
        await first.stop();
        const second = await startServer({ 'ws.port': wsPort, 'cometql.port': sqlPort });
        assert.equal(second.wsPort, wsPort);
        await second.stop();
    });
});

describe('starting', () => {
    test('a port in use is said, with its number, and ends it with 1', async (t) => {
        const taken = net.createServer().listen(0, '127.0.0.1');
        t.after(() => taken.close());
        await new Promise((resolve) => taken.once('listening', resolve));
        const { port } = taken.address();
        for (const key of ['ws.port', 'cometql.port']) {
            const end = await run([...anywhere(directory(t)), `--${key}=${port}`, '--quiet']);
            assert.equal(end.code, 1);
            assert.match(end.stderr, new RegExp(`${port}`));
            assert.match(end.stderr, /in use/i);
        }
    });

    test('two servers do not share a port by accident', async (t) => {
        const server = await serverForTest(t);
        const end = await run([...anywhere(directory(t)), `--ws.port=${server.wsPort}`, '--quiet']);
        assert.equal(end.code, 1);
        assert.match(end.stderr, /in use/i);
    });

    test('a state directory that cannot be made is said, with its path, and ends it with 1', async (t) => {
        const dir = directory(t);
        writeFileSync(join(dir, 'file'), '');
        const end = await run(['--ws.port=0', '--cometql.port=0', `--main.state_dir=${join(dir, 'file', 'state')}`, '--quiet']);
        assert.equal(end.code, 1);
        assert.ok(end.stderr.includes(join(dir, 'file', 'state')), end.stderr);
    });

    test('an address that is not of this machine is said, and ends it with 1', async (t) => {
        const end = await run([...anywhere(directory(t)), '--ws.ip=192.0.2.1', '--quiet']);
        assert.equal(end.code, 1);
        assert.match(end.stderr, /192\.0\.2\.1/);
    });

    test('a password is made on the first start, kept for its owner only, shown, and used again', async (t) => {
        const dir = directory(t);
        const state = join(dir, 'state');
        const passwords = [];
        for (let i = 0; i < 2; i++) {
            const server = await startServer({ 'main.password': null, 'main.state_dir': state }, { quiet: false });
            const file = join(state, 'cometql.password');
            assert.equal(statSync(file).mode & 0o777, 0o600);
            assert.equal(statSync(state).mode & 0o077, 0, 'the directory is its owner’s as well');
            server.password = readFileSync(file, 'utf8').trim();
            passwords.push(server.password);
            assert.ok(server.password.length >= 16);
            await until(() => /mariadb -h\S+ -P\d+ -uroot -p.* CometQL_v1/.test(server.process.stdout), 'the line to paste');
            assert.equal((await server.query('SHOW DATABASES')).length, 1);
            await assert.rejects(mysql.createConnection(server.sqlOptions({ password: 'password' })), { errno: 16 });
            await server.stop();
        }
        assert.equal(passwords[0], passwords[1]);
        const other = await startServer({ 'main.password': null, 'main.state_dir': join(dir, 'other') });
        assert.notEqual(readFileSync(join(dir, 'other', 'cometql.password'), 'utf8').trim(), passwords[0]);
        await other.stop();
    });

    test('a password that is configured makes no file, and is printed nowhere', async (t) => {
        const dir = directory(t);
        const server = await startServer({ 'main.password': 'very-secret-word', 'main.state_dir': join(dir, 's'), 'log.level': 'debug' }, { quiet: false });
        await server.query('SELECT 1');
        assert.ok(!existsSync(join(dir, 's', 'cometql.password')));
        await server.stop();
        assert.ok(!(server.process.stdout + server.process.stderr).includes('very-secret-word'));
    });

    test('a password file that others may read is warned about', async (t) => {
        const dir = directory(t);
        mkdirSync(join(dir, 's'), { mode: 0o700 });
        const file = join(dir, 's', 'cometql.password');
        writeFileSync(file, 'readable-by-all\n');
        chmodSync(file, 0o644);
        const server = await startServer({ 'main.password': null, 'main.state_dir': join(dir, 's') });
        await until(() => server.process.stderr.includes(file), 'the warning');
        await server.stop();
    });

    test('the ready line comes after everything is ready', async () => {
        for (let i = 0; i < 5; i++) {
            const server = await startServer({ 'main.shards': 4 });
            assert.equal((await fetch(`${server.http}/info`)).status, 200);
            assert.equal((await server.query('SELECT 1')).length, 1);
            await server.stop();
        }
    });
});

describe('a low limit of descriptors', () => {
    test('is lived with: some are served, the others are refused or wait, and room is made again', async (t) => {
        const server = await startServer({ 'main.shards': 2 }, { descriptors: 64 });
        t.after(() => server.stop());
        const crowd = Array.from({ length: 200 }, () => new Visitor(server));
        const ends = Promise.allSettled(crowd.map((visitor) => visitor.opened));
        await until(() => crowd.filter((visitor) => visitor.socket.readyState === 1).length >= 20, 'twenty to be served');
        crowd.forEach((visitor) => visitor.socket.terminate());
        await ends;
        await until(async () => {
            const next = new Visitor(server);
            t.after(() => next.socket.terminate());
            return next.open().then(() => true, () => false);
        }, 'room for one more');
        assert.equal((await server.query('SELECT 1')).length, 1);
    });

    test('more connections than it allows are a clear message, or more shards', async (t) => {
        const server = new Server({ 'ws.max_connections': 100, 'main.shards': 0 }, { descriptors: 64 });
        t.after(() => server.stop());
        await server.ready();
        const crowd = Array.from({ length: 60 }, () => new Visitor(server));
        t.after(() => crowd.forEach((visitor) => visitor.socket.terminate()));
        await until(() => crowd.filter((visitor) => visitor.socket.readyState === 1).length >= 50, 'fifty to be served: the limit holds for each shard');
        const end = await run([...anywhere(directory(t)), '--ws.max_connections=1000000'], { descriptors: 64 });
        assert.equal(end.code, 1);
        assert.match(end.stderr, /max_connections|descriptors/);
    });
});

describe('statistics', () => {
    test('the block is printed as lines when standard output is a pipe', async (t) => {
        const server = new Server({ 'ws.statistics': '1s', 'cometql.statistics': '1s', 'main.shards': 2 }, { quiet: false });
        t.after(() => server.stop());
        await server.ready();
        const visitor = await visit(t, server);
        await visitor.subscribe('web_figures');
        await until(() => /server_id\(1\)ws/.test(server.process.stdout) && /server_id\(2\)cometql/.test(server.process.stdout)
                          && /Online now\t\t1\n/.test(server.process.stdout), 'the blocks with one connection');
        const text = server.process.stdout;
        assert.ok(!text.includes('\x1b'), 'no escape sequences');
        const number = '\\d+';
        const rate = '\\d+\\.\\d\\d';
        const block = new RegExp([
            '-+server_id\\(1\\)ws-+', `Online now\\t\\t${number}`, `Add clients\\t\\t${number}\\t\\t${rate}`, `Delete clients\\t\\t${number}\\t\\t${rate}`,
            `Handle messages\\t\\t${number}\\t\\t${rate}`, `work time\\t\\t${number}`, '\\[S\\]\\tC\\tPsC',
            `\\[.\\]\\t${number}\\t${rate}`, `\\[.\\]\\t${number}\\t${rate}`, '-+'].join('\\n'));
        assert.match(text, block);
    });

    test('--quiet prints the ready line and nothing else', async () => {
        const server = await startServer({ 'ws.statistics': '1s', 'cometql.statistics': '1s' });
        await server.query('SELECT 1');
        await server.stop();
        assert.match(server.process.stdout.trim(), /^encke: ready .*$/);
    });
});

describe('configuration', () => {
    test('--version and --help', async () => {
        const version = await run(['--version']);
        assert.deepEqual([version.code, version.stderr], [0, '']);
        assert.match(version.stdout, /^encke \d+\.\d+\.\d+\n$/);
        const help = await run(['--help']);
        assert.equal(help.code, 0);
        for (const word of ['--check-config', '--print-config', '--ws.port', '--cometql.port', '--main.state_dir', '--quiet']) {
            assert.ok(help.stdout.includes(word), word);
        }
    });

    /** The lines of --print-config as { "ws.port": "8087 ...rest of the line" }. */
    async function printed(args, options) {
        const end = await run(['--print-config', ...args], options);
        assert.equal(end.code, 0, end.stderr);
        return Object.fromEntries([...end.stdout.matchAll(/^([a-z_]+\.[a-z_]+) = (.*)$/gm)].map((match) => [match[1], match[2]]));
    }

    test('the command line overrides the environment, which overrides the file, which overrides the default', async (t) => {
        const dir = directory(t);
        const file = join(dir, 'encke.ini');
        writeFileSync(file, '[ws]\nport = 1001\nmax_queue = 2M\n[cometql]\nport = 1002\n');
        const none = await printed([], { cwd: dir, env: { ENCKE_CONFIG: '' } }).catch(() => printed([], { cwd: '/' }));
        assert.ok(none['ws.port']);
        const fromFile = await printed(['--config', file]);
        assert.match(fromFile['ws.port'], /^1001\b.*encke\.ini:2/);
        const fromEnvironment = await printed(['--config', file], { env: { ENCKE_WS_PORT: '1003' } });
        assert.match(fromEnvironment['ws.port'], /^1003\b.*ENCKE_WS_PORT/);
        assert.match(fromEnvironment['cometql.port'], /^1002\b.*encke\.ini:5/);
        const fromLine = await printed(['--config', file, '--ws.port=1004'], { env: { ENCKE_WS_PORT: '1003' } });
        assert.match(fromLine['ws.port'], /^1004\b.*command line/);
        const defaults = await printed([], { cwd: '/' });
        assert.match(defaults['ws.port'], /^8087\b.*default/);
        assert.match(defaults['cometql.port'], /^3307\b.*default/);
        assert.match(defaults['cometql.ip'], /^127\.0\.0\.1\b/);
    });

    test('an encke.ini in the working directory is found', async (t) => {
        const dir = directory(t);
        writeFileSync(join(dir, 'encke.ini'), '[ws]\nport = 1234\n');
        assert.match((await printed([], { cwd: dir }))['ws.port'], /^1234\b/);
    });

    test('--print-config does not print the password, and says what each setting means', async () => {
        const end = await run(['--print-config', '--main.password=very-secret-word']);
        assert.equal(end.code, 0);
        assert.ok(!end.stdout.includes('very-secret-word'));
        assert.match(end.stdout, /largest message a client may send/);
    });

    test('what is printed can be read again', async (t) => {
        const dir = directory(t);
        const first = await run(['--print-config', '--ws.port=1234', '--main.base_dir=/tmp/a; b # c'], { cwd: dir });
        writeFileSync(join(dir, 'again.ini'), first.stdout);
        const second = await run(['--print-config', '--config', join(dir, 'again.ini')], { cwd: dir });
        assert.equal(second.code, 0, second.stderr);
        assert.ok(!/unknown|expected/.test(second.stderr), second.stderr);
        const value = (text, key) => text.split('\n').find((line) => line.startsWith(`${key} = `))?.split(/\s{2,};|\s;\s(?=[a-z])/)[0];
        assert.equal(value(second.stdout, 'ws.port'), value(first.stdout, 'ws.port'));
        assert.ok(second.stdout.includes('/tmp/a; b # c'));
    });

    test('--check-config says what is wrong, with file and line, and ends with 1', async (t) => {
        const dir = directory(t);
        const file = join(dir, 'bad.ini');
        writeFileSync(file, '[ws]\nport = 99999\n\n[cometql]\nmax_packet = lots\nport 3307\n');
        const end = await run(['--check-config', '--config', file]);
        assert.equal(end.code, 1);
        for (const line of [2, 5, 6]) {
            assert.match(end.stderr, new RegExp(`bad\\.ini:${line}:`), `line ${line}: ${end.stderr}`);
        }
    });

    test('an unknown key is a warning with its line, and the server starts', async (t) => {
        const dir = directory(t);
        const file = join(dir, 'typo.ini');
        writeFileSync(file, '[ws]\nip = 127.0.0.1\nprot = 8087\n[unknown]\nx = y\n');
        const check = await run(['--check-config', '--config', file]);
        assert.equal(check.code, 0);
        assert.match(check.stderr, /warning.*typo\.ini:3:.*prot/);
        assert.match(check.stderr, /typo\.ini:5:/);
        const server = await serverForTest(t, {}, { args: ['--config', file] });
        await until(() => /typo\.ini:3:/.test(server.process.stderr), 'the warning');
    });

    test('unknown options, values out of range and missing files end it with 1', async (t) => {
        const dir = directory(t);
        for (const [args, said] of [
            [['--ws.prot=1'], /ws\.prot.*ws\.port/s], [['--nonsense'], /nonsense/], [['--ws.port=abc'], /ws\.port/], [['--ws.port=70000'], /ws\.port/],
            [['--ws.ip=nowhere'], /ws\.ip/], [['--config', join(dir, 'missing.ini')], /missing\.ini/], [['--ws.port=0', '--main.shards=1000'], /main\.shards/],
        ]) {
            const end = await run([...anywhere(dir), ...args]);
            assert.equal(end.code, 1, args.join(' '));
            assert.match(end.stderr, said);
        }
    });

    test('an existing comet.ini is accepted as it is', async (t) => {
        const dir = directory(t);
        const file = join(dir, 'comet.ini');
        writeFileSync(file, `; CppComet
[main]
node_name = MyNode        ; at most 10 characters
password = CometQLPassword
pidfile = ${join(dir, 'comet.pid')}
base_dir = ${dir}
buf_size = 103840
answer_buf_size = 1000000
fragment_buf_size = 600
fragment_buf_max_size = 103840
dev_index_size = 1000
send_user_online_events = true
save_users_last_online_time = true
useQueryLoger = false # no

[db]
host = localhost
user = root
password = root
name = comet_db
port = 3306

[ws]
thread_num = 11
ip = 127.0.0.1
port = 0
statistics = 10
backlog = 1024
epoll_size = 10000
uptimeTestInterval = 10
maxUptime = 0
host = *

[cometql]
thread_num = 3
ip = 127.0.0.1
port = 0
statistics = 10

[cometqlproxy]
thread_num = 3
ip = 127.0.0.1
port = 3311
cluster = []Server=127.0.0.1,Database=CometQL_v1,Uid=root,Pwd=password,Port=3307
cluster = []Server=127.0.0.2,Database=CometQL_v1,Uid=root,Pwd=password,Port=3307

[sip]
pipesalt = salt
freeswitch = []Server=127.0.0.1,Pwd=ClueCon,WSport=7443,Port=8021

[freeswitch]
thread_num = 1
ip = 127.0.0.1
port = 0

[statistics]
allow = true
to_log = true
interval = 3600

[log]
level = 200
Any = 100
ClientServer = 500

[content-type]
html = text/html
js = application/javascript
txt = text/plain
`);
        const check = await run(['--check-config', '--config', file]);
        assert.equal(check.code, 0, check.stderr);
        assert.ok(!/unknown|error/i.test(check.stderr), check.stderr);

        /* There is no such database here; mariadb.test.js has one. */
        const process = new Process(['--config', file, `--main.state_dir=${join(dir, 'state')}`, '--store.backend=sqlite']);
        t.after(() => process.kill('SIGKILL'));
        const [, wsPort, sqlPort] = await until(() => /^encke: ready ws=\S*:(\d+) cometql=\S*:(\d+)/m.exec(process.stdout), () => `ready${process.said()}`);
        assert.deepEqual(await (await fetch(`http://127.0.0.1:${wsPort}/info`)).json(), { status: 'ok', node: 'MyNode____' });
        const sql = await mysql.createConnection({ host: '127.0.0.1', port: Number(sqlPort), user: '999', password: 'CometQLPassword' });
        await sql.end();
        await assert.rejects(mysql.createConnection({ host: '127.0.0.1', port: Number(sqlPort), user: '1000', password: 'CometQLPassword' }), { errno: 16 });
        assert.equal(readFileSync(join(dir, 'comet.pid'), 'utf8').trim(), String(process.pid));
        process.kill('SIGTERM');
        assert.equal((await process.end()).code, 0);
    });
});
