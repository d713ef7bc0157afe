// The defects of the server we replace, one by one (cometql.md section 11: B1 to B50; classic-protocol.md section 10.3: C1 to C42): each has
// a test that shows that this one does not have it. Many stand elsewhere: SEEN says where, and that is checked. The others are here.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { mariadbCli } from './support/programs.js';
import { dial, frame, OPCODE, rawVisit } from './support/raw.js';
import { residentBytes, ROOT, Server, serverForSuite, serverForTest, tempDir } from './support/server.js';
import { visit, Visitor } from './support/visitor.js';
import { until } from './support/wait.js';
import { token } from './support/token.js';

const inSeconds = (n) => Math.floor(Date.now() / 1000) + n;

const SEEN = {
    B1: ['integration/cometql.test.js', 'pipelined statements are each executed once'],
    B8: ['integration/cometql.test.js', 'a result far larger than a socket buffer comes back whole'],
    B11: ['integration/cometql.test.js', 'who may log in'],
    B12: ['integration/cometql.test.js', 'SHOW STATUS counts who is online'],
    B15: ['integration/users.test.js', 'a good token lets in, and no secret is made of it'],
    B16: ['integration/users.test.js', 'an expired token ends the connection'],
    B17: ['integration/users.test.js', 'come whole, in order and once'],
    B18: ['integration/users.test.js', 'DELETE empties the queue'],
    B19: ['integration/cometql.test.js', 'history keeps exactly the newest, in order, also in a burst'],
    B20: ['integration/users.test.js', 'are neither lost nor doubled nor reordered while their user comes and goes'],
    B21: ['integration/cometql.test.js', 'the 99 newest of a longer history come back'],
    B22: ['integration/cometql.test.js', 'LIMIT counts as in MySQL'],
    B23: ['integration/cometql.test.js', 'a value that ends with an escaped backslash does not swallow the next'],
    B25: ['integration/cometql.test.js', 'invalid UTF-8 in a statement is refused with error 12'],
    B26: ['unit/mysql/login.c', 'a_salt_has_no_byte_that_confuses_clients_and_is_new_each_time'],
    B28: ['integration/cometql.test.js', 'a client that does not read its answers costs neither the others nor much memory'],
    B29: ['integration/many.test.js', '2,000 connections on three shards lose nothing'],
    B31: ['integration/cometql.test.js', 'a refused INSERT publishes nothing'],
    B32: ['integration/classic.test.js', 'a uuid is 32 characters of its alphabet'],
    B39: ['integration/cometql.test.js', 'cells of any length come back whole'],
    B40: ['integration/users.test.js', 'a queue is forgotten when it is too old'],
    B43: ['integration/cometql.test.js', 'pipes_settings: set, read, replaced, clamped, dropped'],
    B44: ['integration/classic.test.js', 'payloads around the limits of the length forms arrive whole'],
    B46: ['integration/cometql.test.js', 'history is dropped by channel, by message id, and with its setting'],
    B47: ['integration/process.test.js', 'a port in use is said, with its number'],
    B49: ['integration/users.test.js', 'go to every connection of the user'],
    C3: ['integration/classic.test.js', 'empty and very long headers do no harm'],
    C4: ['integration/many.test.js', '2,000 connections on three shards lose nothing'],
    C6: ['integration/classic.test.js', 'payloads around the limits of the length forms arrive whole'],
    C8: ['integration/websocket.test.js', 'frames that come byte by byte are frames'],
    C9: ['integration/classic.test.js', 'it replaces the whole list'],
    C10: ['integration/websocket.test.js', 'a handshake that comes byte by byte is a handshake'],
    C11: ['integration/classic.test.js', 'a command that ends too early is an error, not a crash'],
    C12: ['unit/http/head.c', 'a_head_is_bounded_in_bytes_and_lines'],
    C13: ['integration/users.test.js', 'the right hash lets in, a wrong one leaves a stranger'],
    C15: ['unit/hub/users.c', 'users_are_forgotten_and_come_back_from_the_store'],
    C16: ['unit/hub/session.c', 'sessions_of_an_app_are_counted'],
    B9: ['integration/telephony.test.js', 'DELETE by user alone (B9)'],
    B10: ['integration/telephony.test.js', 'a name of 8,000 characters (B10)'],
    B30: ['integration/telephony.test.js', 'harm nobody (B10, B30)'],
    B33: ['integration/telephony.test.js', 'StreamServer is read, and shown (B33)'],
    B34: ['integration/telephony.test.js', 'the other server is asked as well (B34)'],
    B36: ['integration/directory.test.js', 'is not what the user logs in with (B36)'],
    C17: ['integration/many.test.js', 'a reader that stops reading is closed, and its neighbours get everything'],
    C18: ['unit/hub/flow.c', 'publishers_on_several_shards_keep_their_order_at_every_subscriber'],
    C19: ['integration/users.test.js', 'subscribers of user_status_N hear of the first connection and of the last'],
    C20: ['integration/mariadb.test.js', 'hanging for longer than db.timeout: the same'],
    C21: ['unit/hub/flow.c', 'those_who_stay_lose_nothing_while_others_come_and_go'],
    C22: ['integration/classic.test.js', 'many commands in one segment are all processed, in order'],
    C23: ['integration/websocket.test.js', 'a client that gives no sign of life is dropped'],
    C24: ['integration/process.test.js', 'is lived with: some are served, the others are refused or wait'],
    C25: ['unit/hub/flow.c', 'channels_and_counts_are_gone_with_the_last_subscriber'],
    C26: ['integration/http.test.js', 'a request split at any byte is a request, also at the end of a line'],
    C27: ['integration/classic.test.js', 'it reaches all subscribers but the sending connection, and the sender gets a report'],
    C28: ['integration/classic.test.js', 'pipe_count answers an object with the marker'],
    C29: ['integration/users.test.js', 'come whole, in order and once'],
    C30: ['integration/cometql.test.js', 'history keeps exactly the newest, in order, also in a burst'],
    C31: ['integration/classic.test.js', 'a forbidden name is skipped, and only it'],
    C33: ['unit/http/path.c', 'the_prefix_of_the_proxy_is_left_out_once'],
    C35: ['integration/cometql.test.js', 'pipelined statements are each executed once'],
    C36: ['integration/users.test.js', 'a good token lets in, and no secret is made of it'],
    C37: ['integration/users.test.js', 'a switch of each app decides who may read of others'],
    C42: ['integration/process.test.js', 'a password that is configured makes no file, and is printed nowhere'],
};

/* No test can show these: what they are about does not exist here. */
const ABSENT = {
    C14: 'no code casts a link to another kind of handle; clusters come later',
    C40: 'nothing is pasted into SQL for other nodes; clusters come later',
};

const tested = new Set();
after(() => {
    const wanted = [...Array.from({ length: 50 }, (_, i) => `B${i + 1}`), ...Array.from({ length: 42 }, (_, i) => `C${i + 1}`)];
    const missing = wanted.filter((id) => !SEEN[id] && !ABSENT[id] && !tested.has(id));
    assert.deepEqual(missing, [], 'defects without a test');
});

/** A test of one or more defects. */
function defect(ids, what, check) {
    ids.split(' ').forEach((id) => tested.add(id));
    test(`${ids}: ${what}`, check);
}

test('what is said to be tested elsewhere is', () => {
    for (const [id, [file, title]] of Object.entries(SEEN)) {
        const path = join(ROOT, 'tests', file);
        assert.ok(existsSync(path), `${id}: ${file}`);
        assert.ok(readFileSync(path, 'utf8').includes(title), `${id}: "${title}" in ${file}`);
    }
});

describe('CometQL', () => {
    const suite = serverForSuite();
    const alive = async () => assert.equal((await suite.at.query('SELECT 1'))[0]['1'], '1');

    defect('B2 B3', 'too much of anything is an error, and nothing is written past its place', async () => {
        const list = (n, make) => Array.from({ length: n }, (_, i) => make(i)).join(', ');
        const of = (errno) => (error) => error.errno === errno;
        await assert.rejects(suite.at.query(`INSERT INTO pipes_messages VALUES (${list(21, () => "'x'")})`), (e) => [14, 19, 20].includes(e.errno));
        await assert.rejects(suite.at.query(`INSERT INTO pipes_messages VALUES (${list(4000, () => "'x'")})`), (e) => [14, 19, 20].includes(e.errno));
        await assert.rejects(suite.at.query(`SELECT ${list(21, () => 'name')} FROM pipes`), (e) => [13, 20, 21].includes(e.errno));
        await assert.rejects(suite.at.query(`SELECT * FROM users_in_pipes WHERE ${Array.from({ length: 11 }, () => "name = 'x'").join(' AND ')}`), of(18));
        await assert.rejects(suite.at.query(`SELECT * FROM pipes WHERE name IN (${list(4001, (i) => `'n${i}'`)})`), of(19));
        await alive();
    });

    defect('B4', 'a million syntax errors would leave no memory behind', async () => {
        const connection = await suite.at.connect();
        const wrong = async (n) => {
            for (let i = 0; i < n; i++) {
                await assert.rejects(connection.query(`SELECT FROM WHERE ${'x'.repeat(2000)} (((`), { errno: 3 });
            }
        };
        await wrong(200);
        const before = residentBytes(suite.at.process.child.pid);
        await wrong(3000); // 6 MB of statements
        assert.ok(residentBytes(suite.at.process.child.pid) - before < 2e6);
    });

    defect('B5 B6 B7', 'the numbers of the OK packet are encoded right, and so is its status', async () => {
        for (const id of [250, 251, 65535, 65536, 70000, 16777216, 2147483647]) {
            const done = await suite.at.query(`INSERT INTO users_data (id, data) VALUES (${id}, 'x')`);
            assert.deepEqual([done.affectedRows, done.insertId, done.warningStatus, done.serverStatus & 0x0202], [1, id, 0, 2]);
        }
        const told = await suite.at.query(`INSERT INTO users_messages (id, event, message) VALUES (3, 'e', 'm')`);
        assert.deepEqual([told.affectedRows, told.serverStatus & 0x0202], [0, 2]);
    });

    defect('B14', 'nobody logs in with an empty key', async (t) => {
        await assert.rejects(suite.at.query(`INSERT INTO users_auth (id, hash) VALUES (14, '')`), { errno: 12 });
        assert.equal((await visit(t, suite.at, { user: 14, session: '' })).info.authorized, false);
    });

    defect('B27', 'a statement with the prefix of nodes is carried out whole, in the app it names, and personal messages still wait', async () => {
        const connection = await suite.at.connect();
        await connection.query(`cometqlcluster_v1 set dev_id=27;INSERT INTO users_messages (id, event, message) VALUES (27, 'e', 'waits')`);
        const rows = await suite.at.query('SELECT message FROM users_messages WHERE id = 27', [], '27');
        assert.deepEqual(rows, [{ message: 'waits' }]);
        await assert.rejects(connection.query('cometqlcluster_v1 set dev_id=99999999999;SELECT 1'), { errno: 16 });
    });

    defect('B35', 'an error of SHOW COLUMNS is a packet in its turn', async () => {
        const connection = await suite.at.connect();
        await assert.rejects(connection.query('SHOW COLUMNS FROM nowhere'), { errno: 15 });
        assert.equal((await connection.query('SELECT 1'))[0][0]['1'], '1');
    });

    defect('B42', 'an error carries nothing of the error before it', async () => {
        const first = await mariadbCli(suite.at, "SELECT a_very_long_name_of_a_column_that_is_not_there FROM pipes WHERE name = 'xyz'");
        const second = await mariadbCli(suite.at, 'SELECT FROM');
        assert.match(first.stderr, /a_very_long_name_of_a_column/);
        assert.match(second.stderr, /^ERROR 3 /m);
        assert.doesNotMatch(second.stderr, /column_that|too many/);
    });

    defect('B41', 'emoji live everywhere', async (t) => {
        await suite.at.query(`INSERT INTO pipes_settings (name, length) VALUES ('emoji', 5)`);
        await suite.at.query(`INSERT INTO users_data (id, data) VALUES (41, '😀')`);
        await suite.at.query(`INSERT INTO users_messages (id, event, message) VALUES (41, 'e', '😀')`);
        await suite.at.publish('emoji', 'e', '😀');
        const visitor = await visit(t, suite.at);
        visitor.send('user_data', 'M', '41');
        assert.equal((await visitor.on('_answer')).data.user_data, '😀');
        visitor.send('pipe_log', 'emoji', 'M', '');
        assert.equal((await visitor.on('emoji')).data, '😀');
        assert.equal((await suite.at.query('SELECT message FROM users_messages WHERE id = 41'))[0].message, '😀');
    });

    defect('B48', 'a NUL does not end a statement', async (t) => {
        const visitor = await (await visit(t, suite.at)).subscribe('nul');
        await (await suite.at.connect()).execute(`INSERT INTO pipes_messages (name, event, message) VALUES ('nul', 'e', ?)`, ['before\0behind']);
        assert.equal((await visitor.on('nul')).data, 'before\0behind');
    });
});

describe('browsers', () => {
    const suite = serverForSuite();

    defect('B13 C1', 'a session of any length is a session or a refusal', async (t) => {
        for (const length of [599, 600, 601, 1024, 1025, 4000]) {
            const visitor = new Visitor(suite.at, { session: 'x'.repeat(length), user: 5 });
            t.after(() => visitor.socket.terminate());
            assert.match((await visitor.next(() => true, 'the first frame')).event, /serverInfo|error/);
        }
        await (await visit(t, suite.at)).fence();
    });

    defect('C2', 'a message that is not UTF-8 ends its connection or is refused, and harms nobody', async (t) => {
        const neighbour = await (await visit(t, suite.at)).subscribe('web_x');
        const text = Buffer.concat([Buffer.from('web_pipe2\nweb_x\ne\n*\n'), Buffer.from([0xff, 0xfe])]);
        for (const opcode of [OPCODE.text, OPCODE.binary]) {
            const raw = await rawVisit(t, suite.at);
            raw.socket.write(frame(text, { opcode }));
            await until(() => raw.ended || raw.frames().length > 1, 'an answer or the end');
        }
        await neighbour.fence();
        assert.deepEqual(neighbour.inbox.filter((f) => f.pipe === 'web_x'), []); // a report would have been an answer, too
    });

    defect('C5 B37 C7 C35a', 'the settings that crashed it are accepted', async (t) => {
        const file = join(tempDir(), 'comet.ini');
        writeFileSync(file, '[main]\nbuf_size = 100\nfragment_buf_max_size = 100\n[ws]\nmaxUptime = 1\nuptimeTestInterval = 1\nthread_num = 2\n[cometql]\nmaxUptime = 1\nthread_num = 2\n');
        const server = await serverForTest(t, {}, { args: ['--config', file] });
        const visitor = await visit(t, server);
        await visitor.subscribe('web_big');
        await server.publish('web_big', 'e', 'x'.repeat(70000));
        assert.equal((await visitor.on('web_big')).data.length, 70000);
    });

    defect('C32', 'what a browser publishes arrives as it was', async (t) => {
        const [a, b] = [await visit(t, suite.at), await (await visit(t, suite.at)).subscribe('web_quotes')];
        const text = `it's "quoted" \\ and \\' all`;
        a.publish('web_quotes', 'e', text);
        assert.equal((await b.on('web_quotes')).data, text);
        assert.equal((await a.report('web_quotes')).data.message, text);
    });

    defect('C34', 'user_status tells seconds, and the counters count', async (t) => {
        await suite.at.query(`INSERT INTO users_auth (id, hash) VALUES (34, 'k34')`);
        const watcher = await visit(t, suite.at);
        const ask = async () => {
            watcher.send('user_status', '34');
            return (await watcher.on('_answer_user_status')).data.last_online_time;
        };
        assert.equal(await ask(), -1);
        const user = await visit(t, suite.at, { user: 34, session: 'k34' });
        assert.equal(await ask(), 0);
        await user.vanish();
        await until(async () => Number((await suite.at.query('SELECT time FROM users_time WHERE id = 34'))[0].time) > 0, 'him to be offline');
        const ago = await ask();
        assert.ok(ago >= 0 && ago < 60, String(ago));
    });

    defect('C38', 'a bad request says nothing about a user', async (t) => {
        const watcher = await (await visit(t, suite.at)).subscribe('user_status_38');
        const bad = new Visitor(suite.at, { path: '/ws/sesion=&myid=38&devid=0' });
        await bad.next((f) => f.error === 418, 'the refusal');
        await bad.ended;
        await watcher.fence();
        assert.deepEqual(watcher.inbox.filter((f) => f.pipe === 'user_status_38'), []);
        assert.equal((await suite.at.query('SELECT time FROM users_time WHERE id = 38'))[0].time, '-1');
    });

    defect('B50 C39', 'the list of origins has an effect', async (t) => {
        const server = await serverForTest(t, { 'ws.host': 'example.org, .example.net' });
        for (const [origin, isAllowed] of [['https://example.org', true], ['http://www.example.net:8080', true], [undefined, true],
                                           ['https://example.com', false], ['https://notexample.org', false], ['https://example.org.evil.test', false]]) {
            const one = new Visitor(server, { headers: origin ? { origin } : {} });
            t.after(() => one.socket.terminate());
            const first = await one.next(() => true, 'the first frame');
            assert.equal(first.event, isAllowed ? 'serverInfo' : 'error', origin);
            assert.equal(first.error, isAllowed ? undefined : 423);
        }
    });
});

describe('the process', () => {
    defect('B24', 'who was online when it was killed is not online for ever', async (t) => {
        const options = { 'main.state_dir': `${tempDir()}/state` };
        const first = await new Server(options).ready();
        await first.query(`INSERT INTO users_auth (id, hash) VALUES (24, 'k24')`);
        await visit(t, first, { user: 24, session: 'k24' });
        await until(async () => (await first.query('SELECT time FROM users_time WHERE id = 24'))[0].time === '0', 'him to be online');
        first.process.kill('SIGKILL');
        await first.process.end();
        const second = await serverForTest(t, options);
        await second.query(`INSERT INTO users_auth (id, hash) VALUES (24, 'other')`);
        assert.equal((await second.query('SELECT time FROM users_time WHERE id = 24'))[0].time, '-1');
    });

    defect('B38 C41 B45', 'no secret is written to the log, no control is open to everybody', async (t) => {
        const server = await serverForTest(t, { 'log.level': 'debug' });
        const text = token({ user_id: 38, exp: inSeconds(1000) });
        await server.query(`INSERT INTO users_auth (id, hash) VALUES (38, 'secretOf38')`);
        await visit(t, server, { user: 38, session: text });
        await visit(t, server, { user: 38, session: `${text}x` });
        await visit(t, server, { user: 38, session: 'secretOf38' });
        await server.query(`INSERT INTO revoked_tokens (token) VALUES ('${text}')`);
        await assert.rejects(server.connect({ password: 'a wrong one' }));
        const said = server.process.stdout + server.process.stderr;
        for (const secret of [server.password, text, text.split('.')[2], 'secretOf38', 'a wrong one']) {
            assert.ok(!said.includes(secret), `"${secret.slice(0, 8)}..." in the log`);
        }
        assert.ok(!existsSync('/tmp/cpp.comet'));
    });

    test('a port that hears one byte lives', async (t) => {
        const server = await serverForTest(t);
        const one = await dial(t, server.wsPort);
        one.socket.write('G');
        one.socket.end();
        await until(() => one.ended, 'the end');
        await (await visit(t, server)).fence();
    });
});
