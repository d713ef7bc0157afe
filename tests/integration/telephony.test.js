// Calls over FreeSWITCH: the tables conference and conference_members, the invitation
// (spec cometql.md section 7; defects B9, B10, B30, B33, B34). The directory is in directory.test.js.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { serverForSuite, serverForTest, Server, tempDir } from './support/server.js';
import { FreeSwitch, freeSwitch, response, xmlList } from './support/freeswitch.js';
import { visit } from './support/visitor.js';
import { until, within } from './support/wait.js';

const SALT = 'salt-of-the-tests';
const OFFLINE = { 'sip.freeswitch': 'Server=10.9.8.7,Pwd=p,WSport=7443,Port=8021,WShost=pbx.example', 'sip.pipesalt': SALT, 'freeswitch.port': 0 };

let lastUser = 5000;
const newUser = () => ++lastUser;

async function login(t, server, id, { dev = 0, key = `hash${id}` } = {}) {
    await server.query(`INSERT INTO users_auth (id, hash) VALUES (${id}, '${key}')`, [], dev === 0 ? 'root' : String(dev));
    const visitor = await visit(t, server, { user: id, session: key, dev });
    assert.equal(visitor.info.authorized, true);
    return visitor;
}

const invite = (server, { name, user, caller = 0, message = 'come', profile = 'default', stream = 0 }, as = 'root') =>
    server.query('INSERT INTO conference (name, user_id, caller_id, message, profile, stream) VALUES (?, ?, ?, ?, ?, ?)',
                 [name, user, caller, message, profile, stream], as);

const invitation = (visitor) => visitor.next((frame) => frame.event === 'sys_sipCall', 'the invitation');

/* The name of the signalling channel, as the documentation says it is made. */
function callPipe(app, name, profile, node) {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    const digest = createHmac('sha256', SALT).update(`${app}|${name}|${profile}|${node}`).digest();
    return 'web_syscall_v1_' + [...digest].map((byte) => letters[byte % 52]).join('');
}

describe('without FreeSWITCH', () => {
    const suite = serverForSuite();

    test('an invitation is refused with error 500, after what is wrong with the row', async () => {
        await assert.rejects(invite(suite.at, { name: '7', user: 1 }), { errno: 500, sqlMessage: /sip\.freeswitch|section `sip`/ });
        await assert.rejects(suite.at.query(`INSERT INTO conference (name, message) VALUES ('7', 'x')`), { errno: 12 });
        await assert.rejects(suite.at.query(`INSERT INTO conference (name, user_id, message) VALUES ('7', '-1', 'x')`), { errno: 12 });
    });

    test('the tables are empty, DELETE is OK, serverInfo has no secret and the directory port is closed', async (t) => {
        assert.deepEqual(await suite.at.query(`SELECT * FROM conference WHERE name = '7'`), []);
        assert.deepEqual(await suite.at.query(`SELECT * FROM conference_members`), []);
        assert.deepEqual(await suite.at.query(`SELECT * FROM conference_members WHERE name = '7'`), []);
        await suite.at.query(`DELETE FROM conference WHERE name = '7'`);
        assert.equal((await login(t, suite.at, newUser())).info.data, '');
        assert.equal(suite.at.directoryPort, 0);
    });
});

describe('the table conference', () => {
    const suite = serverForSuite(OFFLINE);

    test('a row is inserted, replaced, read and deleted', async () => {
        const server = suite.at;
        const done = await invite(server, { name: '7001', user: 5, caller: 9, message: 'first' });
        assert.equal(done.affectedRows, 1);
        assert.equal(done.insertId, 0);
        await invite(server, { name: '7001', user: 3, message: 'third', profile: 'audio' });
        await invite(server, { name: '7001', user: 5, caller: 8, message: 'second', stream: 7 });
        assert.deepEqual(await server.query(`SELECT * FROM conference WHERE name = '7001'`), [
            { name: '7001', user_id: '3', caller_id: '0', message: 'third', profile: 'audio', stream: '', node: '10.9.8.7:7443' },
            { name: '7001', user_id: '5', caller_id: '8', message: 'second', profile: 'default', stream: '', node: '10.9.8.7:7443' },
        ]);
        assert.deepEqual(await server.query(`SELECT user_id FROM conference WHERE name = '7001' AND profile = 'audio'`), [{ user_id: '3' }]);
        const dropped = await server.query(`DELETE FROM conference WHERE name = '7001' AND user_id IN (3, 77)`);
        assert.equal(dropped.affectedRows, 0);
        assert.deepEqual(await server.query(`SELECT user_id FROM conference WHERE name = '7001'`), [{ user_id: '5' }]);
        await server.query(`DELETE FROM conference WHERE name = '7001'`);
        assert.deepEqual(await server.query(`SELECT user_id FROM conference WHERE name = '7001'`), []);
    });

    test('without a column list all seven values are given, and node is whatever the server chose', async () => {
        await suite.at.query(`INSERT INTO conference VALUES ('7002', 5, 0, 'm', 'default', 0, 'ignored:1')`);
        assert.deepEqual(await suite.at.query(`SELECT node FROM conference WHERE name = '7002'`), [{ node: '10.9.8.7:7443' }]);
        await assert.rejects(suite.at.query(`INSERT INTO conference VALUES ('7002', 5, 0, 'm', 'default', 0)`), { errno: 14 });
    });

    test('several rows, several rooms, user 0', async () => {
        const server = suite.at;
        await server.query(`INSERT INTO conference (name, user_id, message) VALUES ('a1', 0, 'x'), ('a1', 2, 'y'), ('b1', 0, 'z')`);
        assert.deepEqual(await server.query(`SELECT name, user_id FROM conference WHERE name IN ('b1', 'none', 'a1', '!')`),
                         [{ name: 'b1', user_id: '0' }, { name: 'a1', user_id: '0' }, { name: 'a1', user_id: '2' }]);
        await server.query(`DELETE FROM conference WHERE name IN ('a1', 'b1') AND user_id = 0`);
        assert.deepEqual(await server.query(`SELECT name, user_id FROM conference WHERE name IN ('b1', 'a1')`), [{ name: 'a1', user_id: '2' }]);
    });

    test('apps do not see each other', async () => {
        await invite(suite.at, { name: '7003', user: 5 }, '15');
        assert.deepEqual(await suite.at.query(`SELECT * FROM conference WHERE name = '7003'`), []);
        await suite.at.query(`DELETE FROM conference WHERE name = '7003'`);
        assert.equal((await suite.at.query(`SELECT * FROM conference WHERE name = '7003'`, [], '15')).length, 1);
    });

    for (const [what, statement, errno] of [
        ['no name', `INSERT INTO conference (user_id, message) VALUES (5, 'm')`, 12],
        ['no user', `INSERT INTO conference (name, message) VALUES ('7', 'm')`, 12],
        ['no message', `INSERT INTO conference (name, user_id) VALUES ('7', 5)`, 12],
        ['a negative user', `INSERT INTO conference (name, user_id, message) VALUES ('7', '-5', 'm')`, 12],
        ['an empty name', `INSERT INTO conference (name, user_id, message) VALUES ('', 5, 'm')`, 12],
        ['a name with a star', `INSERT INTO conference (name, user_id, message) VALUES ('7*8', 5, 'm')`, 12],
        ['a name of 65 characters', `INSERT INTO conference (name, user_id, message) VALUES ('${'7'.repeat(65)}', 5, 'm')`, 11],
        ['a name of 8,000 characters (B10)', `INSERT INTO conference (name, user_id, message) VALUES ('${'7'.repeat(8000)}', 5, 'm')`, 11],
        ['a profile of 8,000 characters (B10)', `INSERT INTO conference (name, user_id, message, profile) VALUES ('7', 5, 'm', '${'p'.repeat(8000)}')`, 11],
        ['a profile with a blank', `INSERT INTO conference (name, user_id, message, profile) VALUES ('7', 5, 'm', 'a b')`, 12],
        ['a negative caller', `INSERT INTO conference (name, user_id, message, caller_id) VALUES ('7', 5, 'm', '-1')`, 12],
        ['SELECT without a name', `SELECT * FROM conference`, 13],
        ['SELECT by user alone', `SELECT * FROM conference WHERE user_id = 5`, 13],
        ['DELETE without a name', `DELETE FROM conference`, 13],
        ['DELETE by user alone (B9)', `DELETE FROM conference WHERE user_id = 5`, 13],
        ['DELETE by node', `DELETE FROM conference WHERE name = '7' AND node = 'x'`, 14],
        ['an unknown column', `SELECT phone FROM conference WHERE name = '7'`, 14],
        ['INSERT into the members', `INSERT INTO conference_members (name) VALUES ('7')`, 10],
        ['DELETE from the members', `DELETE FROM conference_members WHERE name = '7'`, 10],
    ]) {
        test(`${what}: error ${errno}`, async () => {
            await assert.rejects(suite.at.query(statement), { errno });
        });
    }

    test('rows survive a restart', async (t) => {
        const first = new Server({ ...OFFLINE, 'store.backend': 'sqlite' });
        await first.ready();
        await invite(first, { name: '7009', user: 5, caller: 2, message: 'a "quoted" é', profile: 'audio' });
        await invite(first, { name: '7009', user: 6 });
        await invite(first, { name: '7009', user: 0 });
        await first.query(`DELETE FROM conference WHERE name = '7009' AND user_id = 0`);
        const rows = await first.query(`SELECT * FROM conference WHERE name = '7009'`);
        assert.equal(rows.length, 2);
        first.connections.forEach((connection) => connection.destroy());
        first.process.kill('SIGKILL');
        await first.process.ended;
        const second = await serverForTest(t, { ...OFFLINE, 'store.backend': 'sqlite', 'main.state_dir': join(first.directory, 'state') });
        assert.deepEqual(await second.query(`SELECT * FROM conference WHERE name = '7009'`), rows);
    });
});

describe('the invitation', () => {
    const suite = serverForSuite({ ...OFFLINE });

    test('reaches the user at once, with everything the browser library reads', async (t) => {
        const server = suite.at, id = newUser(), visitor = await login(t, server, id);
        const message = '{"type":"video","text":"it\'s \\"me\\" \\\\ é"}';
        await invite(server, { name: '7001', user: id, caller: 9, message, profile: 'audio', stream: 3 });
        const frame = await invitation(visitor);
        assert.equal(frame.pipe, 'msg');
        assert.deepEqual(Object.keys(frame).sort(), ['data', 'event', 'pipe']);
        const { sys } = frame.data;
        assert.match(sys.callKey, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.deepEqual(frame.data, {
            message: message.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('"', '\\"'), // verbatim: mysql2's escapes stay (REC 8)
            sys: {
                callKey: sys.callKey, callPipe: callPipe(0, '7001', 'audio', '10.9.8.7:7443'), caller_id: 9, conference: 'true',
                conference_name: '7001', mode: 'audio', serverName: 'pbx.example', serverPort: 7443, sipNumber: '0*7001*audio', stream: 3,
            },
        });
        const text = visitor.texts.find((t) => t.includes('sys_sipCall'));
        const keys = [...text.matchAll(/"(\w+)":/g)].map((m) => m[1]).filter((key) => key in sys);
        assert.deepEqual(keys, Object.keys(sys).sort(), 'keys in the order of their bytes');
        assert.match(sys.callPipe, /^web_syscall_v1_[A-Za-z]{28,}$/);
        assert.ok(sys.callPipe.length <= 64);
    });

    test('all members of a room get the same channel, can signal on it, and other rooms get another', async (t) => {
        const server = suite.at, ids = [newUser(), newUser()];
        const [one, two] = await Promise.all(ids.map((id) => login(t, server, id)));
        await invite(server, { name: '7002', user: ids[0] });
        await invite(server, { name: '7002', user: ids[1] });
        const a = (await invitation(one)).data.sys, b = (await invitation(two)).data.sys;
        assert.equal(a.callPipe, b.callPipe);
        assert.notEqual(a.callKey, b.callKey);
        await one.subscribe(a.callPipe);
        two.publish(b.callPipe, 'ping', 'hello');
        assert.equal((await one.on(a.callPipe)).data, 'hello');
        for (const other of [{ name: '7003' }, { name: '7002', profile: 'audio' }]) {
            await invite(server, { ...other, user: ids[0] });
            assert.notEqual((await invitation(one)).data.sys.callPipe, a.callPipe);
        }
    });

    test('waits in the queue for a user who is not there, and is an object there as well', async (t) => {
        const server = suite.at, id = newUser();
        await invite(server, { name: '7004', user: id, message: 'later' });
        const rows = await server.query(`SELECT event, message FROM users_messages WHERE id = ${id}`);
        assert.equal(rows[0].event, 'sys_sipCall');
        assert.equal(JSON.parse(rows[0].message).sys.sipNumber, '0*7004*default');
        const visitor = await login(t, server, id), frame = await invitation(visitor);
        assert.equal(frame.fromQueue, true);
        assert.equal(frame.data.message, 'later');
        assert.equal(frame.data.sys.stream, 0, 'a stream that was not given is 0 (B9)');
        assert.deepEqual(await server.query(`SELECT * FROM users_messages WHERE id = ${id}`), []);
    });

    test('a message at the bound of a statement, and bytes that are no UTF-8, harm nobody (B10, B30)', async (t) => {
        const server = suite.at, id = newUser(), visitor = await login(t, server, id);
        await invite(server, { name: '7005', user: id, message: 'x'.repeat(100000) });
        assert.equal((await invitation(visitor)).data.message.length, 100000);
        await visitor.fence();
    });

    test('the server of a room is chosen by the formula of the reference', async (t) => {
        const servers = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
        const server = await serverForTest(t, { 'freeswitch.port': 0 }, { args: servers.map((s) => `--sip.freeswitch=[]Server=${s},Pwd=p,Port=8021`) });
        for (const [dev, name] of [[0, '1'], [0, '12'], [0, 'room_77'], [0, '98765'], [15, '1'], [15, '12'], [1, '7001']]) {
            const as = dev === 0 ? 'root' : String(dev);
            const sum = dev * 1000000 + [...name].reduce((total, c, i) => total + c.charCodeAt(0) * 10 * i, 0);
            await invite(server, { name, user: 1 }, as);
            const [row] = await server.query(`SELECT node FROM conference WHERE name = '${name}'`, [], as);
            assert.equal(row.node, `${servers[sum % 3]}:7443`, `${dev} ${name}`);
        }
    });

    test('StreamServer is read, and shown (B33)', async (t) => {
        const server = await serverForTest(t, { ...OFFLINE, 'sip.freeswitch': 'Server=10.0.0.1,Pwd=p,Port=8021,StreamServer=rtmp.example' });
        await invite(server, { name: '1', user: 1 });
        assert.deepEqual(await server.query(`SELECT stream FROM conference WHERE name = '1'`), [{ stream: 'rtmp.example' }]);
    });

    test('the salt is made at the first start and kept', async (t) => {
        const state = join(tempDir(), 'state'), { 'sip.pipesalt': _, ...rest } = OFFLINE, pipes = [];
        for (let i = 0; i < 2; i++) {
            const server = await new Server({ ...rest, 'main.state_dir': state }).ready();
            const id = newUser(), visitor = await login(t, server, id);
            await invite(server, { name: '1', user: id });
            pipes.push((await invitation(visitor)).data.sys.callPipe);
            await server.stop();
        }
        assert.equal(pipes[0], pipes[1]);
        assert.equal(statSync(join(state, 'sip.pipesalt')).mode & 0o777, 0o600);
        assert.match(readFileSync(join(state, 'sip.pipesalt'), 'utf8'), /^[A-Za-z0-9]{24}\n$/);
    });
});

describe('the table conference_members', () => {
    const suite = {};
    before(async () => {
        suite.pbx = await new FreeSwitch().listen();
        suite.at = await new Server({ 'sip.freeswitch': suite.pbx.setting(), 'freeswitch.port': 0 }).ready();
    });
    after(async () => {
        await suite.at?.stop();
        await suite.pbx?.close();
    });
    const members = (where = '', as = 'root') => suite.at.query(`SELECT * FROM conference_members ${where}`, [], as);

    test('who is in a room, and in all rooms of the app', async () => {
        const { pbx, at } = suite;
        pbx.conferences = {
            '0*7001-FSdefaultDomain': [{ user: 5, join: 62, talk: 4 }, { user: 6, join: 1 }, { type: 'recording_node', user: 7 }, { app: 1, user: 8 }, { name: 'bob' }],
            '0*7002-FSdefaultDomain': [{ user: 9, join: 3, talk: 'N/A' }],
            '15*7001-FSdefaultDomain': [{ app: 15, user: 5 }],
            '3500-FSdefaultDomain': [{ user: 5 }],
            '0*uninvited-FSdefaultDomain': [{ user: 11 }],
        };
        await invite(at, { name: '7001', user: 5 });
        await invite(at, { name: '7002', user: 9 });
        const first = [{ name: '7001', user_id: '5', join_time: '62', last_talking: '4' }, { name: '7001', user_id: '6', join_time: '1', last_talking: '0' }];
        const second = [{ name: '7002', user_id: '9', join_time: '3', last_talking: 'N/A' }];
        assert.deepEqual(await members(`WHERE name = '7001'`), first);
        assert.deepEqual(await members(`WHERE name IN ('7002', '!', '7001')`), [...second, ...first]);
        assert.deepEqual(await members(`WHERE name = '7001' AND user_id = 6`), [first[1]]);
        assert.deepEqual(await members(`WHERE name = 'uninvited'`), [], 'a room nobody was invited to is on no server');
        assert.deepEqual((await members()).map((row) => `${row.name} ${row.user_id}`), ['7001 5', '7001 6', '7002 9', 'uninvited 11']);
        assert.deepEqual(await members('', '15'), [{ name: '7001', user_id: '5', join_time: '1', last_talking: '0' }]);
        assert.equal(pbx.connections, 1);
        assert.equal(pbx.commands[0], `auth ${pbx.password}`);
    });

    test('names with entities, missing attributes and unknown elements are read or left out (B34)', async () => {
        suite.pbx.onApi = (socket) => socket.write(response(
            '<conferences><conference><members><member type="caller"><caller_id_name>0000005</caller_id_name></member></members></conference>' +
            '<conference name="0&#42;x&#x31;-d"><!-- > --><members><member><caller_id_name>0000001</caller_id_name></member>' +
            '<member type="caller"/><member type="caller"><caller_id_name><![CDATA[0000002]]></caller_id_name><odd a=\'1\'><odder/></odd></member>' +
            '</members></conference></conferences>'));
        assert.deepEqual(await members(), [{ name: 'x1', user_id: '2', join_time: '', last_talking: '' }]);
    });

    test('those who ask at one time share one request', async (t) => {
        const { pbx, at } = suite, waiting = [];
        pbx.conferences = { '0*1-d': [{ user: 5 }] };
        pbx.onApi = (socket) => waiting.push(socket);
        const before = pbx.requests, askers = await Promise.all(Array.from({ length: 10 }, () => at.connect()));
        const first = askers[0].query('SELECT * FROM conference_members');
        await pbx.untilRequests(before + 1);
        const others = askers.slice(1).map((connection) => connection.query('SELECT * FROM conference_members'));
        await Promise.all(askers.slice(1).map((_, i) => until(async () => (await at.query('SHOW GLOBAL STATUS')).length > 0, 'a turn')));
        pbx.onApi = (socket) => socket.write(response(xmlList(pbx.conferences)));
        waiting[0].write(response(xmlList(pbx.conferences)));
        for (const [rows] of await within(Promise.all([first, ...others]), 'all answers')) {
            assert.equal(rows.length, 1);
        }
        assert.ok(pbx.requests - before <= 4, `${pbx.requests - before} requests for 10 questions`);
        assert.equal(pbx.connections, 1);
    });

    test('a server that was restarted is asked over a new connection', async () => {
        const { pbx } = suite;
        pbx.conferences = { '0*1-d': [{ user: 5 }] };
        assert.equal((await members()).length, 1);
        await pbx.hangUp();
        assert.equal((await members()).length, 1);
        assert.equal((await members()).length, 1);
        assert.equal(pbx.connections, 2);
    });

    test('an answer in small pieces, with events between', async () => {
        const { pbx } = suite;
        pbx.onApi = async (socket) => {
            const text = 'Content-Length: 3\nContent-Type: text/event-plain\n\nxyz' + response(xmlList({ '0*1-d': [{ user: 5 }] }));
            for (const byte of text) {
                socket.write(byte);
                await new Promise((resolve) => setImmediate(resolve));
            }
        };
        assert.equal((await members()).length, 1);
        pbx.onApi = (socket) => socket.write(response(xmlList(pbx.conferences)));
    });

    test('a thousand members', async () => {
        const { pbx } = suite;
        pbx.conferences = { '0*1-d': Array.from({ length: 1000 }, (_, i) => ({ user: i + 1 })) };
        assert.equal((await members()).length, 1000);
        assert.deepEqual(await suite.at.query('SELECT user_id FROM conference_members LIMIT 2, 2'), [{ user_id: '3' }, { user_id: '4' }]);
    });
});

describe('event sockets that do not behave', () => {
    const start = async (t, pbx, more = {}) => serverForTest(t, { 'sip.freeswitch': pbx.setting(), 'freeswitch.port': 0, 'main.shards': 2, ...more });
    const rows = (server) => within(server.query('SELECT * FROM conference_members'), 'an answer', 20000);
    const lines = (server) => server.process.stderr.split('\n').filter((line) => line.includes('freeswitch 127'));

    for (const [what, script] of [
        ['garbage for a greeting', (pbx) => (pbx.onConnect = (s) => s.write(Buffer.alloc(20000, 0xff)))],
        ['HTTP', (pbx) => (pbx.onConnect = (s) => s.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'))],
        ['a refusal', (pbx) => (pbx.onConnect = (s) => s.end('Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n'))],
        ['a close at once', (pbx) => (pbx.onConnect = (s) => s.destroy())],
        ['a close in the body', (pbx) => (pbx.onApi = (s) => s.end('Content-Type: api/response\nContent-Length: 100\n\n<conf'))],
        ['a giant body', (pbx) => (pbx.onApi = (s) => s.write('Content-Type: api/response\nContent-Length: 99999999999999999999\n\n<conf'))],
        ['a body over the bound', (pbx) => (pbx.onApi = (s) => s.write('Content-Type: api/response\nContent-Length: 80000000\n\n<conf'))],
        ['a negative length', (pbx) => (pbx.onApi = (s) => s.write('Content-Type: api/response\nContent-Length: -5\n\n<conf'))],
        ['a head without an end', (pbx) => (pbx.onApi = (s) => s.write('Content-Type: api/response\nX: ' + 'x'.repeat(100000)))],
        ['a goodbye instead of an answer', (pbx) => (pbx.onApi = (s) => s.end('Content-Type: text/disconnect-notice\nContent-Length: 3\n\nbye'))],
        ['malformed XML', (pbx) => (pbx.onApi = (s) => s.write(response('<conferences><conference name="0*1-d"><members>')))],
        ['tags that do not match', (pbx) => (pbx.onApi = (s) => s.write(response('<a><b></a></b>')))],
        ['a quote without an end', (pbx) => (pbx.onApi = (s) => s.write(response('<conferences><conference name="0*1>')))],
        ['a million levels', (pbx) => (pbx.onApi = (s) => s.write(response('<a>'.repeat(1000000))))],
        ['a million comments', (pbx) => (pbx.onApi = (s) => s.write(response(' <!-- --> '.repeat(500000))))],
        ['an entity bomb', (pbx) => (pbx.onApi = (s) => s.write(response('<!DOCTYPE x [<!ENTITY a "aaa">]><x>&a;</x>')))],
        ['a sentence', (pbx) => (pbx.onApi = (s) => s.write(response('-ERR no such command\n')))],
        ['nothing', (pbx) => (pbx.onApi = (s) => s.write(response('')))],
    ]) {
        test(`${what}: nobody, and the server goes on`, async (t) => {
            const pbx = await freeSwitch(t), server = await start(t, pbx);
            script(pbx);
            assert.deepEqual(await rows(server), []);
            assert.deepEqual(await rows(server), []);
            assert.equal((await server.query('SHOW DATABASES')).length >= 1, true);
        });
    }

    test('the wrong password: one line in the log, without it', async (t) => {
        const pbx = await freeSwitch(t), setting = pbx.setting();
        pbx.password = 'another';
        const server = await serverForTest(t, { 'sip.freeswitch': setting, 'freeswitch.port': 0 });
        for (let i = 0; i < 5; i++) {
            assert.deepEqual(await rows(server), []);
        }
        assert.equal(lines(server).length, 1, server.process.said());
        assert.match(lines(server)[0], /refuses the password/);
        assert.doesNotMatch(server.process.stderr, /ClueCon/);
    });

    test('nobody listens; then somebody does', async (t) => {
        const pbx = await freeSwitch(t, { conferences: { '0*1-d': [{ user: 5 }] } }), server = await start(t, pbx), { port } = pbx;
        await pbx.close();
        assert.deepEqual(await rows(server), []);
        assert.deepEqual(await rows(server), []);
        assert.match(lines(server)[0], /warn/);
        const again = new FreeSwitch({ conferences: pbx.conferences });
        await again.listen(port);
        t.after(() => again.close());
        await until(async () => (await rows(server)).length === 1, 'an answer');
        assert.equal(lines(server).length, 2);
        assert.match(lines(server)[1], /answers again/);
    });

    test('a server that says nothing costs its time-out once; nobody else waits', async (t) => {
        const pbx = await freeSwitch(t), other = await freeSwitch(t, { conferences: { '0*1-d': [{ user: 5 }] } });
        other.wsPort = 7444;
        pbx.onApi = (socket) => socket.write('Content-Type: api/response\n'); // and no more
        const server = await serverForTest(t, { 'freeswitch.port': 0 }, { args: [pbx, other].map((p) => `--sip.freeswitch=[]${p.setting()}`) });
        const slow = server.connect().then((connection) => connection.query('SELECT * FROM conference_members'));
        await pbx.untilRequests(1);
        assert.equal((await server.query('SHOW DATABASES')).length >= 1, true);
        const [answer] = await within(slow, 'the time-out', 20000);
        assert.equal(answer.length, 1, 'the other server is asked as well (B34)');
        assert.match(lines(server)[0], /in time/);
        const counters = Object.fromEntries((await server.query(`SHOW GLOBAL STATUS`)).map((row) => [row.Variable_name, row.Value]));
        assert.ok(counters);
    });

    test('a client that goes away while it waits', async (t) => {
        const pbx = await freeSwitch(t), server = await start(t, pbx);
        pbx.onApi = (socket) => (pbx.waiting = socket);
        const connection = await server.connect();
        connection.query('SELECT * FROM conference_members').catch(() => {});
        await pbx.untilRequests(1);
        connection.destroy();
        pbx.waiting.write(response(xmlList({ '0*1-d': [{ user: 5 }] })));
        pbx.onApi = (socket) => socket.write(response(xmlList({ '0*1-d': [{ user: 5 }] })));
        assert.equal((await rows(server)).length, 1);
    });

    test('the server stops while a question waits', async (t) => {
        const pbx = await freeSwitch(t), server = await start(t, pbx);
        pbx.onApi = () => {};
        (await server.connect()).query('SELECT * FROM conference_members').catch(() => {});
        await pbx.untilRequests(1);
    });
});
