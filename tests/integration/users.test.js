// Users: logging in, personal messages and their queue, online and offline, tokens; with real drivers and real WebSockets
// (spec cometql.md sections 3.1 to 3.4, 3.9, 8; classic-protocol.md section 4).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Server, serverForSuite, serverForTest } from './support/server.js';
import { b64, token } from './support/token.js';
import { visit } from './support/visitor.js';
import { until } from './support/wait.js';

const inSeconds = (n) => Math.floor(Date.now() / 1000) + n;

let lastUser = 1000;
const newUser = () => ++lastUser;

async function hash(server, id, text = `hash${id}`) {
    await server.query(`INSERT INTO users_auth (id, hash) VALUES (${id}, '${text}')`);
    return text;
}

const tell = (server, id, text, event = 'e') => server.query(`INSERT INTO users_messages (id, event, message) VALUES (?, ?, ?)`, [id, event, text]);
const seen = async (server, id) => Number((await server.query(`SELECT time FROM users_time WHERE id = ${id}`))[0].time);
const isPersonal = (frame) => frame.pipe === 'msg';

/** A visitor who must be let in. */
async function login(t, server, id, session, options = {}) {
    const visitor = await visit(t, server, { user: id, session, ...options });
    assert.equal(visitor.info.authorized, true);
    return visitor;
}

describe('users_auth', () => {
    const suite = serverForSuite();

    test('a row is inserted, replaced, read and deleted', async () => {
        const server = suite.at, id = newUser();
        const done = await server.query(`INSERT INTO users_auth (id, hash) VALUES (${id}, 'one=+/_')`);
        assert.equal(done.affectedRows, 1);
        assert.equal(done.insertId, id);
        await server.query(`INSERT INTO users_auth VALUES (${id}, 'two')`);
        assert.deepEqual(await server.query(`SELECT * FROM users_auth WHERE id IN (${id}, 999999, ${id})`),
                         [{ id: String(id), hash: 'two' }, { id: String(id), hash: 'two' }]);
        const dropped = await server.query(`DELETE FROM users_auth WHERE id = ${id}`);
        assert.equal(dropped.affectedRows, 0);
        assert.deepEqual(await server.query(`SELECT hash FROM users_auth WHERE id = ${id}`), []);
    });

    for (const [what, statement, errno] of [
        ['no id', `INSERT INTO users_auth (hash) VALUES ('x')`, 12],
        ['no hash', `INSERT INTO users_auth (id) VALUES (5)`, 12],
        ['id 0', `INSERT INTO users_auth (id, hash) VALUES (0, 'x')`, 12],
        ['a negative id', `INSERT INTO users_auth (id, hash) VALUES ('-5', 'x')`, 12],
        ['an empty hash', `INSERT INTO users_auth (id, hash) VALUES (5, '')`, 12],
        ['a hash with a minus sign', `INSERT INTO users_auth (id, hash) VALUES (5, 'a-b')`, 12],
        ['a hash of 33 characters', `INSERT INTO users_auth (id, hash) VALUES (5, '${'x'.repeat(33)}')`, 11],
        ['SELECT without id', `SELECT * FROM users_auth`, 13],
    ]) {
        test(`${what} is refused with error ${errno}`, async () => {
            await assert.rejects(suite.at.query(statement), { errno });
        });
    }

    test('the right hash lets in, a wrong one leaves a stranger', async (t) => {
        const server = suite.at, id = newUser(), key = await hash(server, id);
        await login(t, server, id, key);
        for (const session of [`${key}x`, key.slice(1), key.toUpperCase(), 'undefined', '']) {
            const visitor = await visit(t, server, { user: id, session });
            assert.equal(visitor.info.authorized, false, session);
            assert.equal(visitor.info.data, '');
        }
        assert.equal((await visit(t, server, { user: id, session: key, dev: 7 })).info.authorized, false, 'another app');
    });

    test('the highest id that a hash is taken for lets in, and is watched as any other', async (t) => {
        const server = suite.at, id = 2147483647, key = await hash(server, id);
        const user = await login(t, server, id, key);
        await tell(server, id, 'for the last one');
        assert.equal((await user.on('msg')).data, 'for the last one');
        const watcher = await visit(t, server);
        watcher.send('user_status', String(id));
        assert.equal((await watcher.on('_answer_user_status')).data.last_online_time, 0);
        const [late] = [await visit(t, server)];
        late.send('login', String(id), key);
        assert.equal((await late.on('sys')).data.authorized, true);
        const above = await visit(t, server, { user: 2147483648, session: key });
        assert.equal(above.info.authorized, false);
    });

    test('deleting a hash ends the connections of its user, and nobody else\'s', async (t) => {
        const server = suite.at, id = newUser(), other = newUser();
        const key = await hash(server, id), otherKey = await hash(server, other);
        const mine = [await login(t, server, id, key), await login(t, server, id, key)];
        const his = await login(t, server, other, otherKey);
        await server.query(`DELETE FROM users_auth WHERE id = ${id}`);
        for (const visitor of mine) {
            assert.equal((await visitor.refusal()).data.error_code, 401);
            assert.equal(await visitor.ended, 1006, 'without a Close frame, so that the library comes back');
        }
        await his.fence();
        assert.equal((await visit(t, server, { user: id, session: key })).info.authorized, false);
    });
});

describe('users_data', () => {
    const suite = serverForSuite();

    test('a text is kept unchanged, read by SQL and by browsers, and deleted', async (t) => {
        const server = suite.at, id = newUser(), text = `{"name":"Zoë 😀","q":"it's \\\\ \\"x\\"\\n"}`;
        const done = await server.query('INSERT INTO users_data (id, data) VALUES (?, ?)', [id, 'x']);
        assert.deepEqual([done.affectedRows, done.insertId], [1, id]);
        const prepared = await server.connect();
        await prepared.execute('INSERT INTO users_data (id, data) VALUES (?, ?)', [id, text]);
        assert.deepEqual(await server.query(`SELECT id, data FROM users_data WHERE id = ${id}`), [{ id: String(id), data: text }]);
        const visitor = await visit(t, server);
        visitor.send('user_data', 'MM', String(id));
        assert.deepEqual((await visitor.on('_answer')).data, { user_data: text, user_id: id });
        visitor.send('user_data', 'MN', '77');
        assert.deepEqual((await visitor.next((f) => f.marker === 'MN')).data, { user_data: '', user_id: 77 });
        await server.query(`DELETE FROM users_data WHERE id = ${id}`);
        assert.deepEqual(await server.query(`SELECT * FROM users_data WHERE id = ${id}`), []);
    });

    test('a switch of each app decides who may read of others', async (t) => {
        const server = await serverForTest(t, { 'users.readable_by': 'users', 'users.readable_by_app': '1:everyone, 2:self' });
        const ask = async (visitor, id) => {
            visitor.send('user_data', 'M', String(id));
            const frame = await visitor.next((f) => f.marker === 'M' || f.event === 'error');
            return frame.event !== 'error';
        };
        for (const dev of [0, 1, 2]) {
            await server.query(`INSERT INTO users_auth (id, hash) VALUES (5, 'five')`, [], String(dev));
        }
        for (const [dev, stranger, self, other] of [[0, false, true, true], [1, true, true, true], [2, false, true, false]]) {
            const nobody = await visit(t, server, { dev }), user = await login(t, server, 5, 'five', { dev });
            assert.deepEqual([await ask(nobody, 5), await ask(user, 5), await ask(user, 6)], [stranger, self, other], `app ${dev}`);
            nobody.send('user_status', '5');
            const frame = await nobody.next((f) => f.pipe === '_answer_user_status' || f.event === 'error');
            assert.equal(frame.event !== 'error', stranger);
            nobody.send('subscription', 'user_status_5', `web_seen${dev}`);
            await server.untilCount(`web_seen${dev}`, 1, String(dev));
            const count = await server.count('user_status_5', String(dev));
            assert.equal(count, stranger ? 1 : 0, `subscriptions in app ${dev}`);
        }
    });
});

describe('personal messages', () => {
    const suite = serverForSuite({ 'main.shards': 3 });

    test('go to every connection of the user, unchanged, without a time, and to nobody else', async (t) => {
        const server = suite.at, id = newUser(), key = await hash(server, id);
        const mine = [];
        for (let i = 0; i < 20; i++) {
            mine.push(await login(t, server, id, key));
        }
        const stranger = await visit(t, server);
        stranger.send('subscription', 'msg');
        const old = await login(t, server, id, key, { version: '3.31' });
        const [done] = await (await server.connect()).execute('INSERT INTO users_messages (id, event, message) VALUES (?, ?, ?)',
                                                              [id, 'evm', '{"k":"v 😀"}']);
        assert.deepEqual([done.affectedRows, done.insertId], [0, id]);
        for (const visitor of mine) {
            assert.deepEqual(await visitor.on('msg'), { data: '{"k":"v 😀"}', event: 'evm', pipe: 'msg' });
        }
        assert.deepEqual(await old.on('msg'),
                         { api_data: 'for major_version < 4', data: '{"k":"v 😀"}', event: 'evm', event_name: 'evm', pipe: 'msg' });
        await stranger.fence();
        assert.deepEqual(stranger.inbox.filter(isPersonal), []);
        assert.deepEqual(await server.query(`SELECT * FROM users_messages WHERE id = ${id}`), []);
    });

    test('wait for a user who is away, and come whole, in order and once', async (t) => {
        const server = suite.at, id = newUser(), key = await hash(server, id);
        for (let i = 0; i < 100; i++) {
            await tell(server, id, `m${i}`, 'q');
        }
        await assert.rejects(tell(server, id, 'one too many'), { errno: 11 });
        const rows = await server.query(`SELECT * FROM users_messages WHERE id = ${id}`);
        assert.deepEqual(rows.map((r) => r.message), Array.from({ length: 100 }, (_, i) => `m${i}`));
        assert.deepEqual(Object.keys(rows[0]), ['id', 'index', 'event', 'message']);
        assert.match(rows[0].index, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        const visitor = await login(t, server, id, key);
        for (let i = 0; i < 100; i++) {
            const { message_send_time: time, ...frame } = await visitor.on('msg');
            assert.deepEqual(frame, { data: `m${i}`, event: 'q', fromQueue: true, pipe: 'msg' });
            assert.ok(Math.abs(time - Date.now() / 1000) < 60);
        }
        const second = await login(t, server, id, key);
        await second.fence();
        assert.deepEqual(second.inbox.filter(isPersonal), []);
        assert.deepEqual(await server.query(`SELECT * FROM users_messages WHERE id = ${id}`), []);
    });

    test('are neither lost nor doubled nor reordered while their user comes and goes', async (t) => {
        const server = suite.at, id = newUser(), key = await hash(server, id), heard = [];
        let sent = 0, isOver = false;
        const sending = (async () => {
            const connection = await server.connect();
            while (!isOver) {
                await connection.query('INSERT INTO users_messages (id, event, message) VALUES (?, ?, ?)', [id, 'n', String(sent++)]);
            }
        })();
        for (let round = 0; round < 25; round++) {
            const visitor = await login(t, server, id, key);
            const until = sent + 5;
            await visitor.next((f) => isPersonal(f) && Number(f.data) >= until, `message ${until}`);
            visitor.socket.close(1000); // what was sent before the server hears of it still arrives
            await visitor.ended;
            heard.push(visitor.texts.map((text) => JSON.parse(text)).filter(isPersonal).map((f) => Number(f.data)));
        }
        isOver = true;
        await sending;
        const last = await login(t, server, id, key);
        if (Math.max(...heard.flat()) < sent - 1) {
            await last.next((f) => isPersonal(f) && Number(f.data) === sent - 1, 'the last message');
        }
        heard.push(last.texts.map((text) => JSON.parse(text)).filter(isPersonal).map((f) => Number(f.data)));
        assert.deepEqual(heard.flat(), Array.from({ length: sent }, (_, i) => i));
    });

    test('DELETE empties the queue, and with further conditions only what meets them', async () => {
        const server = suite.at, id = newUser();
        for (const [event, text] of [['a', '1'], ['b', '2'], ['a', '3']]) {
            await tell(server, id, text, event);
        }
        await server.query(`DELETE FROM users_messages WHERE id = ${id} AND event = 'b'`);
        assert.deepEqual((await server.query(`SELECT message FROM users_messages WHERE id = ${id}`)).map((r) => r.message), ['1', '3']);
        await server.query(`DELETE FROM users_messages WHERE id = ${id}`);
        assert.deepEqual(await server.query(`SELECT * FROM users_messages WHERE id = ${id}`), []);
    });

    for (const [what, statement, errno] of [
        ['no id', `INSERT INTO users_messages (event, message) VALUES ('e', 'm')`, 12],
        ['no event', `INSERT INTO users_messages (id, message) VALUES (5, 'm')`, 12],
        ['no message', `INSERT INTO users_messages (id, event) VALUES (5, 'e')`, 12],
        ['a negative id', `INSERT INTO users_messages (id, event, message) VALUES ('-1', 'e', 'm')`, 12],
        ['a long event', `INSERT INTO users_messages (id, event, message) VALUES (5, '${'e'.repeat(65)}', 'm')`, 11],
        ['a bad event', `INSERT INTO users_messages (id, event, message) VALUES (5, 'a b', 'm')`, 12],
    ]) {
        test(`${what} is refused with error ${errno}`, async () => {
            await assert.rejects(suite.at.query(statement), { errno });
        });
    }

    test('a queue is forgotten when it is too old', async (t) => {
        const server = await serverForTest(t, { 'users.queue_age': '1s' });
        await hash(server, 5, 'five');
        await tell(server, 5, 'old');
        await until(async () => (await server.query('SELECT * FROM users_messages WHERE id = 5')).length === 0, 'the message to be forgotten');
        const visitor = await login(t, server, 5, 'five');
        await visitor.fence();
        assert.deepEqual(visitor.inbox.filter(isPersonal), []);
    });
});

describe('online and offline', () => {
    const suite = serverForSuite();

    test('subscribers of user_status_N hear of the first connection and of the last, and users_time knows', async (t) => {
        const server = suite.at, id = newUser(), key = await hash(server, id);
        const watcher = await (await visit(t, server)).subscribe(`user_status_${id}`);
        assert.deepEqual(await server.query(`SELECT * FROM users_time WHERE id IN (${id}, 0)`),
                         [{ id: String(id), time: '-1' }, { id: '0', time: '-1' }]);
        const first = await login(t, server, id, key);
        assert.deepEqual(await watcher.on(`user_status_${id}`), { data: 'online', event: 'online', pipe: `user_status_${id}` });
        const second = await login(t, server, id, key);
        assert.equal(await seen(server, id), 0);
        first.socket.terminate();
        watcher.send('user_status', String(id));
        assert.deepEqual((await watcher.on('_answer_user_status')).data, { data: 0, last_online_time: 0 });
        second.socket.terminate();
        assert.deepEqual(await watcher.on(`user_status_${id}`), { data: 'offline', event: 'offline', pipe: `user_status_${id}` });
        assert.ok(Math.abs(await seen(server, id) - Date.now() / 1000) < 60);
        assert.deepEqual(watcher.inbox.filter((f) => f.pipe === `user_status_${id}`), []);
        await assert.rejects(server.query(`INSERT INTO users_time (id, time) VALUES (5, 5)`), { errno: 10 });
        await assert.rejects(server.query(`DELETE FROM users_time WHERE id = 5`), { errno: 10 });
    });

    test('a reload within the grace is not seen', async (t) => {
        const server = await serverForTest(t, { 'users.offline_grace': '2s' });
        await hash(server, 5, 'five');
        const watcher = await (await visit(t, server)).subscribe('user_status_5');
        for (let i = 0; i < 4; i++) {
            const visitor = await login(t, server, 5, 'five');
            await visitor.vanish();
        }
        await watcher.next((f) => f.event === 'offline', 'offline');
        assert.deepEqual(watcher.texts.map((text) => JSON.parse(text)).filter((f) => f.pipe === 'user_status_5').map((f) => f.event),
                         ['online', 'offline']);
    });

    test('the events can be switched off, under the old names as well', async (t) => {
        const server = await serverForTest(t, { 'main.send_user_online_events': false, 'main.send_user_offline_events': false });
        await hash(server, 5, 'five');
        const watcher = await (await visit(t, server)).subscribe('user_status_5');
        const visitor = await login(t, server, 5, 'five');
        await visitor.vanish();
        await until(async () => (await seen(server, 5)) > 0, 'last seen');
        await watcher.fence();
        assert.deepEqual(watcher.inbox.filter((f) => f.pipe === 'user_status_5'), []);
    });

    test('more connections of a user than allowed end the oldest, not the newest', async (t) => {
        const server = await serverForTest(t, { 'users.max_connections': 3 });
        await hash(server, 5, 'five');
        const all = [];
        for (let i = 0; i < 5; i++) {
            all.push(await login(t, server, 5, 'five'));
        }
        assert.equal((await all[0].refusal()).data.error_code, 429);
        assert.equal((await all[1].refusal()).data.error_code, 429);
        await until(async () => {
            await tell(server, 5, 'hello');
            return all[0].closed && all[1].closed;
        }, 'the oldest to be closed');
        for (const visitor of all.slice(2)) {
            assert.equal((await visitor.on('msg')).data, 'hello');
        }
    });
});

describe('classes of channels', () => {
    const suite = serverForSuite();

    test('private_ and webauth_ are for users', async (t) => {
        const server = suite.at, id = newUser(), key = await hash(server, id);
        const user = await login(t, server, id, key), stranger = await visit(t, server);
        await server.query(`INSERT INTO pipes_settings (name, length) VALUES ('private_p', 10)`);
        await user.subscribe('private_p', 'webauth_w');
        stranger.send('subscription', 'private_p', 'webauth_w');
        await server.untilCount('webauth_w', 2);
        assert.equal(await server.count('private_p'), 1);
        await server.publish('private_p', 'e', 'secret');
        assert.equal((await user.on('private_p')).data, 'secret');
        user.send('pipe_log', 'private_p', 'ML', '');
        assert.deepEqual((await user.on('private_p')).data, 'secret');
        stranger.send('pipe_log', 'private_p', 'ML', '');
        await stranger.refusal();
        user.publish('webauth_w', 'e', '"from a user"');
        const heard = await stranger.on('webauth_w');
        assert.deepEqual([heard.data, heard.user_id], ['"from a user"', id]);
        stranger.publish('webauth_w', 'e', '"from a stranger"');
        await stranger.refusal();
        await user.fence();
        assert.deepEqual(user.inbox.filter((f) => f.pipe === 'webauth_w'), []);
    });

    test('presence and reports know the user', async (t) => {
        const server = suite.at, id = newUser(), key = await hash(server, id);
        const watcher = await (await visit(t, server)).subscribe('track_users');
        const user = await login(t, server, id, key);
        await user.subscribe('track_users');
        const joined = await watcher.next((f) => f.event === 'subscription' && f.data.user_id === id, 'the join');
        assert.deepEqual(joined.data, { user_id: id, uuid: user.uuid });
        const rows = await server.query(`SELECT user_id, user_uuid FROM users_in_pipes WHERE name = 'track_users'`);
        assert.deepEqual(rows[0], { user_id: String(id), user_uuid: user.uuid });
        await user.vanish();
        const left = await watcher.next((f) => f.event === 'unsubscription', 'the leave');
        assert.deepEqual(left.data, { user_id: id, uuid: user.uuid });
    });
});

describe('tokens', () => {
    const suite = serverForSuite();

    test('a good token lets in, and no secret is made of it', async (t) => {
        const server = suite.at, id = newUser();
        const visitor = await login(t, server, id, token({ user_id: id, exp: inSeconds(100) }));
        assert.equal(visitor.info.data, '');
        assert.deepEqual(await server.query(`SELECT * FROM users_auth WHERE id = ${id}`), []);
    });

    const id = 5;
    for (const [what, text] of [
        ['of another user', token({ user_id: 6, exp: inSeconds(100) })],
        ['expired', token({ user_id: id, exp: inSeconds(-2) })],
        ['without exp', token({ user_id: id })],
        ['with exp as text', token({ user_id: id, exp: String(inSeconds(100)) })],
        ['with user_id as text', token({ user_id: '5', exp: inSeconds(100) })],
        ['alg none', `${b64({ alg: 'none' })}.${b64({ user_id: id, exp: inSeconds(100) })}.`],
        ['alg HS512', token({ user_id: id, exp: inSeconds(100) }, { header: { alg: 'HS512' } })],
        ['with a wrong key', token({ user_id: id, exp: inSeconds(100) }, { secret: 'wrong' })],
        ['of another app', token({ user_id: id, exp: inSeconds(100) }, { app: 1 })],
        ['longer than 600 characters and broken', 'x'.repeat(900)],
    ]) {
        test(`a token ${what} leaves a stranger`, async (t) => {
            assert.equal((await visit(t, suite.at, { user: id, session: text })).info.authorized, false);
        });
    }

    test('an expired token ends the connection, unless it was renewed on it', async (t) => {
        const server = suite.at, user = newUser();
        const expiring = await login(t, server, user, token({ user_id: user, exp: inSeconds(2) }));
        const renewed = await login(t, server, user, token({ user_id: user, exp: inSeconds(2) }));
        renewed.send('login', String(user), token({ user_id: user, exp: inSeconds(1000) }));
        assert.deepEqual((await renewed.on('sys')).data, { authorized: true, user_id: user });
        assert.equal((await expiring.refusal()).data.error_code, 401);
        assert.equal(await expiring.ended, 1006);
        await tell(server, user, 'still here');
        assert.equal((await renewed.on('msg')).data, 'still here');
    });

    test('a visitor can log in later, and not as somebody else', async (t) => {
        const server = suite.at, user = newUser(), key = await hash(server, user);
        await tell(server, user, 'waiting');
        const visitor = await visit(t, server);
        visitor.send('login', String(user), 'wrong');
        assert.deepEqual((await visitor.on('sys')).data, { authorized: false, user_id: 0 });
        visitor.send('login', String(user), key);
        assert.deepEqual((await visitor.next((f) => f.event === 'login')).data, { authorized: true, user_id: user });
        assert.equal((await visitor.on('msg')).data, 'waiting');
        visitor.send('login', String(user + 1), key);
        await visitor.refusal();
        visitor.send('login', 'abc');
        await visitor.refusal();
    });

    test('a revoked token lets nobody in, ends who is in and takes the hash away; deleting the row allows it again', async (t) => {
        const server = suite.at, user = newUser(), key = await hash(server, user);
        const text = token({ user_id: user, exp: inSeconds(1000) }), other = token({ user_id: user, exp: inSeconds(2000) });
        const byToken = await login(t, server, user, text), byHash = await login(t, server, user, key);
        const done = await server.query('INSERT INTO revoked_tokens (token) VALUES (?)', [text]);
        assert.deepEqual([done.affectedRows, done.insertId], [1, 1]);
        await byToken.ended;
        await byHash.ended;
        assert.equal((await visit(t, server, { user, session: text })).info.authorized, false);
        assert.equal((await visit(t, server, { user, session: key })).info.authorized, false);
        await login(t, server, user, other);
        assert.deepEqual(await server.query('SELECT * FROM revoked_tokens WHERE token IN (?, ?)', [text, other]), [{ token: text }]);
        await server.query('DELETE FROM revoked_tokens WHERE token = ?', [text]);
        await login(t, server, user, text);
    });

    test('all revoked tokens are listed, sorted; any text is a token', async (t) => {
        const server = await serverForTest(t, { 'main.shards': 3 });
        const texts = Array.from({ length: 20 }, (_, i) => token({ user_id: i + 1, exp: inSeconds(1000) })).concat('any text', '');
        for (const text of texts) {
            await server.query('INSERT INTO revoked_tokens (token) VALUES (?)', [text]);
        }
        assert.deepEqual((await server.query('SELECT token FROM revoked_tokens')).map((r) => r.token), [...texts].sort());
        await assert.rejects(server.query('INSERT INTO revoked_tokens () VALUES ()'));
        await assert.rejects(server.query('DELETE FROM revoked_tokens'), { errno: 13 });
    });
});

describe('what survives', () => {
    test('users, queues, data, settings, history and tokens are there after a restart', async (t) => {
        const state = { 'main.state_dir': `${(await import('./support/server.js')).tempDir()}/state` };
        const first = new Server(state);
        await first.ready();
        await hash(first, 5, 'five');
        await hash(first, 6, 'six');
        await first.query('DELETE FROM users_auth WHERE id = 6');
        await first.query(`INSERT INTO users_data (id, data) VALUES (5, 'data 😀')`);
        await first.query('INSERT INTO revoked_tokens (token) VALUES (?)', ['some text']);
        await first.query(`INSERT INTO pipes_settings (name, length) VALUES ('kept', 3)`);
        for (let i = 0; i < 5; i++) {
            await first.publish('kept', 'e', `h${i}`);
            await tell(first, 5, `q${i}`);
        }
        const before = await first.query(`SELECT id, time, message FROM pipes_messages WHERE name = 'kept'`);
        const visitor = await visit(t, first, { user: 7, session: token({ user_id: 7, exp: inSeconds(1000) }) });
        assert.equal(visitor.info.authorized, true);
        await first.stop();

        const second = await serverForTest(t, state);
        assert.deepEqual(await second.query(`SELECT id, time, message FROM pipes_messages WHERE name = 'kept'`), before);
        assert.deepEqual(before.map((r) => r.message), ['h2', 'h3', 'h4']);
        assert.deepEqual(await second.query(`SELECT * FROM pipes_settings WHERE name = 'kept'`), [{ name: 'kept', length: '3' }]);
        assert.deepEqual(await second.query(`SELECT * FROM users_data WHERE id = 5`), [{ id: '5', data: 'data 😀' }]);
        assert.deepEqual(await second.query('SELECT * FROM revoked_tokens'), [{ token: 'some text' }]);
        assert.ok(Math.abs(await seen(second, 7) - Date.now() / 1000) < 60, 'who was online at the end was seen then');
        assert.equal((await visit(t, second, { user: 6, session: 'six' })).info.authorized, false);
        const back = await login(t, second, 5, 'five');
        for (let i = 0; i < 5; i++) {
            assert.equal((await back.on('msg')).data, `q${i}`);
        }
        await second.query(`DELETE FROM pipes_messages WHERE id = '${before[1].id}'`);
        await second.publish('kept', 'e', 'h5');
        assert.deepEqual((await second.query(`SELECT message FROM pipes_messages WHERE name = 'kept'`)).map((r) => r.message),
                         ['h2', 'h4', 'h5']);
    });
});
