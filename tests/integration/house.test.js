// The house around the process: whose rights it has, where its secrets come from, what systemd is told.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Authority } from './support/certificates.js';
import { ROOT, run, Server, serverForTest } from './support/server.js';
import { visit } from './support/visitor.js';
import { until } from './support/wait.js';

const IS_ROOT = process.getuid() === 0;
const forRoot = { skip: IS_ROOT ? false : 'only root can become somebody else' };
const NOBODY = 65534;

function temporary(t) {
    const path = mkdtempSync(join(tmpdir(), 'encke-test-'));
    t.after(() => rmSync(path, { recursive: true, force: true }));
    return path;
}

function file(t, text, mode = 0o600) {
    const path = join(temporary(t), 'file');
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
}

/** A server that was started as root and serves as nobody, whom the way to the state directory is open to. */
async function serverOfNobody(t, options = {}) {
    const server = new Server({ 'main.user': 'nobody', ...options }, { directoryMode: 0o711 });
    await server.ready();
    return server;
}

describe('rights', () => {
    test('started as root it serves as another user, in every id, every thread, and for good', forRoot, async (t) => {
        const server = await serverOfNobody(t);
        const { pid } = server.process;
        for (const thread of execFileSync('ls', [`/proc/${pid}/task`], { encoding: 'utf8' }).trim().split('\n')) {
            const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
            assert.match(status, /^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
            assert.match(status, /^NoNewPrivs:\s+1$/m);
        }
        const text = readFileSync(`/proc/${pid}/status`, 'utf8');
        assert.match(text, /^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
        assert.match(text, /^Gid:\s+65534\s+65534\s+65534\s+65534$/m);
        assert.match(text, /^Groups:\s*65534\s*$/m);
        for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) assert.match(text, new RegExp(`^${set}:\\s+0+$`, 'm'));
        assert.equal((await server.query('SELECT 1 AS one'))[0].one, '1');
        await server.stop();
    });

    test('the state directory is given to him, with what root has made in it before', forRoot, async (t) => {
        const first = new Server({ 'main.user': 'root' });
        t.after(() => rmSync(first.directory, { recursive: true, force: true }));
        await first.ready();
        await first.query("INSERT INTO users_auth (id, hash) VALUES (7, 'kept')");
        const state = join(first.directory, 'state');
        first.process.kill('SIGTERM');
        await first.process.end();
        chmodSync(first.directory, 0o711);
        assert.equal(statSync(state).uid, 0);
        const second = await serverOfNobody(t, { 'main.state_dir': state });
        assert.equal(statSync(state).uid, NOBODY);
        assert.equal((await second.query('SELECT hash FROM users_auth WHERE id = 7'))[0].hash, 'kept');
        await second.stop();
    });

    test('it listens where only root may, and certificates it may read are read again', forRoot, async (t) => {
        const authority = new Authority();
        t.after(() => authority.remove());
        const made = authority.sign('localhost');
        execFileSync('chmod', ['-R', 'a+rX', authority.directory]);
        const server = await serverOfNobody(t, { 'ws.port': 843, 'ws.tls_certificate': made.certificate, 'ws.tls_key': made.key });
        assert.equal(server.wsPort, 843);
        server.process.kill('SIGHUP');
        await until(() => /certificate/i.test(server.process.stderr), 'a word about the certificates');
        assert.doesNotMatch(server.process.stderr, /cannot be read again/);
        await server.stop();
    });

    test('a key that he will not be able to read again is said at once', forRoot, async (t) => {
        const authority = new Authority();
        t.after(() => authority.remove());
        const made = authority.sign('localhost');
        execFileSync('chmod', ['a+rX', authority.directory]);
        chmodSync(made.key, 0o600);
        const server = await serverOfNobody(t, { 'ws.tls_certificate': made.certificate, 'ws.tls_key': made.key });
        assert.match(server.process.stderr, /ws\.tls_key: .* cannot be read again as nobody/);
        await server.stop();
    });

    test('a user who does not exist, and a directory that he cannot reach, end it with a word', forRoot, async (t) => {
        const base = ['--ws.ip=127.0.0.1', '--ws.port=0', '--cometql.port=0', '--quiet'];
        const unknown = await run([...base, '--main.user=nobody-at-all', `--main.state_dir=${join(temporary(t), 's')}`]);
        assert.equal(unknown.code, 1);
        assert.match(unknown.stderr, /main\.user: there is no user nobody-at-all/);
        const unreachable = await run([...base, '--main.user=nobody', `--main.state_dir=${join(temporary(t), 's')}`]);
        assert.equal(unreachable.code, 1);
        assert.match(unreachable.stderr, /nobody cannot use the state directory .*Permission denied/);
    });
});

describe('secrets', () => {
    test('a password comes from a file, and from the environment by name of the file', async (t) => {
        const path = file(t, 'from-a-file\n');
        const named = await serverForTest(t, { 'main.password': null, 'main.password_file': path });
        named.password = 'from-a-file';
        assert.equal((await named.query('SELECT 1 AS one'))[0].one, '1');
        const state = join(temporary(t), 'state');
        const printed = await run(['--print-config', `--main.state_dir=${state}`], { env: { ENCKE_DB_PASSWORD_FILE: path } });
        assert.equal(printed.code, 0);
        assert.doesNotMatch(printed.stdout + printed.stderr, /from-a-file/);
    });

    test('a file that is missing, empty or too long, and a secret given twice, are errors that do not show it', async (t) => {
        const check = (...words) => run(['--check-config', ...words]);
        for (const [words, said] of [
            [['--main.password_file=/nowhere/at/all'], /main\.password_file: cannot read \/nowhere\/at\/all: No such file/],
            [[`--main.password_file=${file(t, '\n')}`], /is empty/],
            [[`--main.password_file=${file(t, 'topsecret'.repeat(20))}`], /main\.password has a wrong value/],
            [[`--db.password_file=${file(t, 'topsecret')}`, '--db.password=topsecret'], /are both set/],
        ]) {
            const end = await check(...words);
            assert.equal(end.code, 1, words.join(' '));
            assert.match(end.stderr, said);
            assert.doesNotMatch(end.stdout + end.stderr, /topsecret/);
        }
        const open = await check(`--main.password_file=${file(t, 'topsecret', 0o644)}`);
        assert.equal(open.code, 0);
        assert.match(open.stderr, /every user of this machine can read/);
    });

    test('the process list shows no password, however it was given', async (t) => {
        const server = await serverForTest(t, { 'main.password': 'visible-secret', 'db.password': 'another-secret' });
        const words = readFileSync(`/proc/${server.process.pid}/cmdline`, 'utf8');
        assert.match(words, /--main\.password=\*+/);
        assert.doesNotMatch(words, /secret/);
        const visitor = await visit(t, server);
        await visitor.subscribe('web_here');
    });
});

describe('systemd', () => {
    const analyze = '/usr/bin/systemd-analyze';
    test('the unit is understood, and closed as far as it goes', { skip: existsSync(analyze) ? false : 'no systemd-analyze here' }, (t) => {
        const directory = temporary(t), unit = join(directory, 'encke.service');
        writeFileSync(unit, readFileSync(join(ROOT, 'deploy', 'encke.service.in'), 'utf8').replaceAll('@CMAKE_INSTALL_PREFIX@/bin/encke', '/bin/true'));
        const said = execFileSync(analyze, ['security', '--offline=true', '--threshold=20', unit], { encoding: 'utf8', env: { ...process.env, SYSTEMD_PAGER: '' } });
        const score = Number(/Overall exposure level for encke\.service: ([\d.]+)/.exec(said)[1]);
        assert.ok(score <= 2, `an exposure of ${score}:\n${said}`);
        t.diagnostic(`exposure ${score} of 10`);
    });

    test('it is told that the server is ready, alive and stopping', { skip: existsSync('/usr/bin/python3') ? false : 'needs python3' }, async (t) => {
        const path = join(temporary(t), 'notify'), script = 'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);s.bind(sys.argv[1]);print("bound",flush=True)\nwhile True: print(s.recv(4096).decode(),flush=True)';
        const listener = spawn('python3', ['-c', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
        t.after(() => listener.kill('SIGKILL'));
        let heard = '';
        listener.stdout.setEncoding('utf8').on('data', (text) => (heard += text));
        await until(() => heard.includes('bound'), 'the socket of the service manager');
        const server = new Server({ 'main.shards': 3 }, { env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '3000000' } });
        await server.ready();
        await until(() => heard.split('WATCHDOG=1').length > 3, () => `signs of life, after the first, heard ${heard}`);
        assert.match(heard, /READY=1/);
        server.process.kill('SIGHUP');
        await until(() => /RELOADING=1[^]*READY=1/.test(heard), () => `a reload, heard ${heard}`);
        await server.stop();
        await until(() => heard.includes('STOPPING=1'), () => `the end, heard ${heard}`);
    });

    test('the time to stop is above the time to drain', () => {
        const unit = readFileSync(join(ROOT, 'deploy', 'encke.service.in'), 'utf8');
        const settings = readFileSync(join(ROOT, 'src', 'server', 'settings.def'), 'utf8');
        const seconds = (name) => Number(new RegExp(`SETTING_ROW\\(main, ${name}, \\w+, TIME, "(\\d+)s"`).exec(settings)[1]);
        assert.ok(Number(/^TimeoutStopSec=(\d+)s$/m.exec(unit)[1]) > seconds('drain_timeout') + seconds('stop_grace'));
    });
});
