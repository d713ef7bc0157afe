// The directory of the telephones for mod_xml_curl, SIP secrets, and the settings of telephony (spec cometql.md section 7.4, REC 17;
// defect B36).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import net from 'node:net';
import { describe, test } from 'node:test';
import { dial } from './support/raw.js';
import { BINARY, serverForSuite, serverForTest, tempDir } from './support/server.js';
import { visit } from './support/visitor.js';
import { until } from './support/wait.js';

const OFFLINE = { 'sip.freeswitch': 'Server=10.9.8.7,Pwd=p,WSport=7443,Port=8021', 'freeswitch.port': 0 };

let lastUser = 5000;
const newUser = () => ++lastUser;

async function login(t, server, id, { dev = 0, key = `hash${id}` } = {}) {
    await server.query(`INSERT INTO users_auth (id, hash) VALUES (${id}, '${key}')`, [], dev === 0 ? 'root' : String(dev));
    const visitor = await visit(t, server, { user: id, session: key, dev });
    assert.equal(visitor.info.authorized, true);
    return visitor;
}

describe('the directory service', () => {
    const suite = serverForSuite(OFFLINE);
    const at = (path) => `http://127.0.0.1:${suite.at.directoryPort}${path}`;
    const directory = (query, options) => fetch(at(`/directory?${query}`), options);
    const sip = (app, id) => `${String(app).padStart(6, '0')}${id}`;

    async function caller(t, app = 0) {
        const id = newUser(), visitor = await login(t, suite.at, id, { dev: app });
        return { id, visitor, user: sip(app, id), secret: visitor.info.data };
    }

    test('the secret is in serverInfo, and is not what the user logs in with (B36)', async (t) => {
        const { id, secret } = await caller(t);
        assert.match(secret, /^[0-9a-f]{32}$/);
        const again = await visit(t, suite.at, { user: id, session: `hash${id}` });
        assert.equal(again.info.data, secret, 'one secret for all connections of a user');
        assert.equal((await visit(t, suite.at, { user: id, session: secret })).info.authorized, false);
        assert.equal((await visit(t, suite.at)).info.data, '', 'a stranger has none');
    });

    test('a login on a live connection tells it, too', async (t) => {
        const { id, secret } = await caller(t), visitor = await visit(t, suite.at);
        visitor.send('login', String(id), `hash${id}`);
        const frame = await visitor.next((f) => f.event === 'login', 'login');
        assert.equal(frame.data.sip, secret);
    });

    test('the document of mod_xml_curl', async (t) => {
        const { user, secret } = await caller(t, 15);
        const answer = await directory(`section=directory&user=${user}&domain=x`);
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('content-type'), 'text/html; charset=UTF-8');
        assert.equal(answer.headers.get('connection'), 'close');
        const text = await answer.text();
        const values = Object.fromEntries([...text.matchAll(/<(?:param|variable) name="([^"]*)" value="([^"]*)"\/>/g)].map((m) => [m[1], m[2]]));
        assert.deepEqual(values, {
            'dial-string': '{presence_id=${dialed_user}@${dialed_domain}}${sofia_contact(${dialed_user}@${dialed_domain})}',
            password: secret, toll_allow: 'domestic,international,local', accountcode: user, user_context: 'default',
            effective_caller_id_name: `Extension ${user}`, effective_caller_id_number: user,
            outbound_caller_id_name: '$${outbound_caller_name}', outbound_caller_id_number: '$${outbound_caller_id}', callgroup: 'techsupport',
        });
        const tags = [...text.matchAll(/<(\/?[a-z]+)/g)].map((m) => m[1]).filter((tag) => !/param|variable/.test(tag));
        assert.deepEqual(tags, ['document', 'section', 'domain', 'groups', 'group', 'users', 'user', '/user', '/users', '/group', '/groups', '/domain', '/section', '/document']);
        assert.match(text, /<document type="freeswitch\/xml">\s*<section name="directory">\s*<domain name="FSdefaultDomain">/);
        assert.match(text, new RegExp(`<group name="default">\\s*<users>\\s*<user id="${user}">`));
    });

    test('any order, any encoding, GET and POST, both paths', async (t) => {
        const { user, secret } = await caller(t);
        const form = 'hostname=pbx&section=directory&tag_name=domain&key_name=name&key_value=10.0.0.1&action=sip_auth&sip_profile=internal' +
            `&sip_user_agent=a%20b%26user%3D0000001&sip_auth_username=${user}&key=id&user=${user}&domain=10.0.0.1&ip=10.0.0.2`;
        const encoded = [...user].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');
        const post = (path, body) => fetch(at(path), { method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
        for (const answer of [
            await directory(`user=${user}`), await directory(`a=b&user=${user}`), await directory(`user=${user}&a=b`),
            await directory(`us%65r=${encoded}`), await directory(form), await post('/directory', form), await post('/directory?x=y', form),
            await fetch(at(`/comet-server-com/directory?${form}`)), await post('/comet-server-com/directory', form), await fetch(at(`/directory/any?${form}`)),
        ]) {
            assert.equal(answer.status, 200);
            assert.ok((await answer.text()).includes(`value="${secret}"`));
        }
    });

    test('whoever is not here is not found', async (t) => {
        const { id, user } = await caller(t);
        for (const query of ['', 'a=b', 'user=', 'user', `user=${id}`, 'user=000000', `user=${sip(1, id)}`, `user=${user}1`, `user=000000${'0'}${id}`,
            'user=abcdefghij', 'user=000000-5', 'user=0000004294967296', `user=${'0'.repeat(80)}`, 'user=%', 'user=%zz', `user=${user}%00`,
            `user=<x>&user=${user}`, `xuser=${user}`, `user%20=${user}`]) {
            const answer = await directory(query);
            assert.equal(answer.status, 404, query);
            assert.equal(await answer.text(), '');
            assert.equal(answer.headers.get('connection'), 'close');
        }
        await suite.at.query(`INSERT INTO users_auth (id, hash) VALUES (999111, 'x')`);
        assert.equal((await directory(`user=${sip(0, 999111)}`)).status, 404, 'a user with a hash who has not logged in');
    });

    test('the secret outlives the connection, and ends with what the user logged in with', async (t) => {
        const { id, visitor, user, secret } = await caller(t);
        await visitor.vanish();
        await until(async () => (await suite.at.query(`SELECT time FROM users_time WHERE id = ${id}`))[0].time !== '0', 'the user to be offline');
        assert.equal((await directory(`user=${user}`)).status, 200);
        assert.equal((await visit(t, suite.at, { user: id, session: `hash${id}` })).info.data, secret);
        await suite.at.query(`DELETE FROM users_auth WHERE id = ${id}`);
        assert.equal((await directory(`user=${user}`)).status, 404);
        const back = await login(t, suite.at, id);
        assert.match(back.info.data, /^[0-9a-f]{32}$/);
        assert.notEqual(back.info.data, secret);
    });

    test('the secret ends when its time is over', async (t) => {
        const server = await serverForTest(t, { ...OFFLINE, 'sip.secret_age': '1s' });
        const id = newUser(), visitor = await login(t, server, id), url = `http://127.0.0.1:${server.directoryPort}/directory?user=${sip(0, id)}`;
        assert.equal((await fetch(url)).status, 200);
        await visitor.vanish();
        await until(async () => (await fetch(url)).status === 404, 'the secret to end');
    });

    test('other addresses, other methods', async () => {
        const page = await fetch(at('/'));
        assert.equal(page.status, 200);
        assert.match(page.headers.get('content-type'), /^text\/html/);
        const options = await fetch(at('/directory'), { method: 'OPTIONS' });
        assert.equal((await options.text()).trim(), '+OK');
        assert.equal((await fetch(at('/directory'), { method: 'PUT' })).status, 405);
        assert.equal((await fetch(at('/ws/'))).status, 200, 'the page: no WebSockets here');
        assert.notEqual((await (await fetch(`${suite.at.http}/directory?user=${sip(0, 5)}`)).text()).includes('freeswitch/xml'), true, 'not on the public port');
        assert.equal((await fetch(at('/directory?user=0000001'), { method: 'HEAD' })).status, 404);
    });

    test('a slow client and a broken one', async (t) => {
        const { user } = await caller(t), raw = await dial(t, suite.at.directoryPort);
        await raw.writeByBytes(`GET /directory?user=${user} HTTP/1.0\r\n\r\n`);
        await raw.untilText(/^HTTP\/1\.1 200 /);
        await raw.untilEnd();
        const broken = await dial(t, suite.at.directoryPort);
        await broken.write('POST /directory HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n');
        await broken.untilText(/^HTTP\/1\.1 413 /);
    });

    test('name, password and address when they are asked for', async (t) => {
        const server = await serverForTest(t, { ...OFFLINE, 'freeswitch.user': 'fs', 'freeswitch.password': 'p:w', 'freeswitch.allow': '127.0.0.1,10.0.0.1' });
        const id = newUser();
        await login(t, server, id);
        const url = `http://127.0.0.1:${server.directoryPort}/directory?user=${sip(0, id)}`;
        const as = (text) => fetch(url, { headers: { Authorization: text } });
        const basic = (text) => `Basic ${Buffer.from(text).toString('base64')}`;
        for (const wrong of ['', 'Basic', 'Basic !!!', 'Bearer x', basic('fs'), basic('fs:p'), basic('FS:p:w'), basic('fs:p:w '), `Basic ${'A'.repeat(4000)}`]) {
            const answer = await as(wrong);
            assert.equal(answer.status, 401, wrong);
            assert.match(answer.headers.get('www-authenticate'), /^Basic realm=/);
            assert.equal(await answer.text(), '');
        }
        assert.equal((await as(basic('fs:p:w'))).status, 200);
        assert.equal((await as(`basic ${Buffer.from('fs:p:w').toString('base64')}`)).status, 200);
        const other = await serverForTest(t, { ...OFFLINE, 'freeswitch.allow': '10.0.0.1' });
        assert.equal((await fetch(`http://127.0.0.1:${other.directoryPort}/directory?user=0000005`)).status, 403);
    });
});

describe('the settings', () => {
    const check = (...args) => spawnSync(BINARY, ['--check-config', '--store.backend=memory', ...args], { encoding: 'utf8', env: { PATH: process.env.PATH, HOME: tempDir() } });

    for (const [what, setting, complaint] of [
        ['no host', 'Pwd=x,Port=8021', /server 1: Server=/],
        ['no password', 'Server=h,Port=8021', /Pwd=/],
        ['a port out of range', 'Server=h,Pwd=secretword,Port=70000', /server 1/],
        ['an unknown name', 'Server=h,Pwd=secretword,Poort=1', /server 1/],
        ['a host that is too long', `Server=${'h'.repeat(60)},Pwd=secretword`, /longer/],
        ['one server twice', 'Server=h,Pwd=a,Port=1\nServer=h,Pwd=b,Port=2', /server 2: .*server 1/],
    ]) {
        test(`${what} is said`, () => {
            const result = check(...setting.split('\n').map((s) => `--sip.freeswitch=[]${s}`));
            assert.notEqual(result.status, 0);
            assert.match(result.stdout + result.stderr, complaint);
            assert.doesNotMatch(result.stdout + result.stderr, /secretword/);
        });
    }

    test('a wrong address, and an open port without protection', () => {
        assert.match(check('--freeswitch.allow=nowhere').stderr, /freeswitch\.allow/);
        const open = check('--sip.freeswitch=Server=h,Pwd=x,Port=1', '--freeswitch.ip=0.0.0.0');
        assert.equal(open.status, 0);
        assert.match(open.stderr, /freeswitch\.ip is not only the loopback/);
        assert.doesNotMatch(check('--sip.freeswitch=Server=h,Pwd=x,Port=1', '--freeswitch.ip=0.0.0.0', '--freeswitch.allow=10.0.0.1').stderr, /loopback/);
    });

    test('a name that cannot be resolved is a warning, and invitations work', async (t) => {
        const server = await serverForTest(t, { ...OFFLINE, 'sip.freeswitch': 'Server=no-such-host.invalid,Pwd=p,Port=8021' });
        await server.query(`INSERT INTO conference (name, user_id, message) VALUES ('1', 1, 'm')`);
        assert.deepEqual(await server.query('SELECT * FROM conference_members'), []);
        assert.match(server.process.stderr, /no-such-host/);
    });

    test('the directory port may be taken', async (t) => {
        const taken = net.createServer().listen(0, '127.0.0.1');
        t.after(() => taken.close());
        await until(() => taken.listening, 'a port');
        const result = spawnSync(BINARY, ['--ws.port=0', '--cometql.port=0', `--main.state_dir=${tempDir()}`, '--sip.freeswitch=Server=h,Pwd=x,Port=1', `--freeswitch.port=${taken.address().port}`],
                                 { encoding: 'utf8', timeout: 10000 });
        assert.equal(result.status, 1);
        assert.match(result.stderr, /freeswitch port: cannot listen/);
    });
});
