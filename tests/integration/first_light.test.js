// The main job: whoever speaks MySQL publishes, and a browser receives it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { driverEnv, listen, mariadbCli, output, PYTHON } from './support/programs.js';
import { serverForSuite } from './support/server.js';
import { newUuid, urlPath, visit } from './support/visitor.js';
import { until } from './support/wait.js';

const RAW = '{"raw":1}';
const PLAIN = 'plain text, привет, 😀';
const QUOTED = '{"text":"it\'s \\"quoted\\""}';

/* Drivers escape what they quote, and the server does not decode it (REC 8); the browser library takes a level of backslashes away. */
const stripSlashes = (text) => text.replace(/\\([^])/g, '$1');

const DRIVERS = {
    'node mysql2': ['node', ['node_mysql2.js']],
    'node mariadb': ['node', ['node_mariadb.js']],
    'php mysqli': ['php', ['mysqli.php']],
    'php PDO with emulated prepares': ['php', ['pdo.php', 'emulated']],
    'php PDO with prepares of the server': ['php', ['pdo.php', 'native']],
    'python PyMySQL': [PYTHON, ['pymysql_client.py']],
};

describe('first light', () => {
    const server = serverForSuite();

    for (const [name, [command, args]] of Object.entries(DRIVERS)) {
        test(`${name} publishes, a WebSocket receives, and it reads everything back`, async (t) => {
            const channel = `web_${args.join('_').replace(/[^a-z0-9]+/g, '_')}`;
            const visitor = await visit(t, server.at);
            await visitor.subscribe(channel);

            const told = JSON.parse(await output(command, args, driverEnv(server.at, channel)));

            const received = [];
            for (let i = 0; i < 3; i++) {
                received.push(await visitor.on(channel));
            }
            for (const frame of received) {
                assert.equal(frame.event, 'hello');
                assert.equal(typeof frame.data, 'string');
                assert.ok(Math.abs(frame.message_send_time - Date.now() / 1000) < 60);
                assert.ok(!('user_id' in frame), 'a message from SQL has no sender');
            }
            assert.equal(received[0].data, RAW, 'a literal pasted into the statement arrives as it is');
            assert.equal(received[1].data, PLAIN);
            const isBound = args[1] === 'native'; // nothing was escaped then
            assert.equal(isBound ? received[2].data : stripSlashes(received[2].data), QUOTED, 'one level of escapes may remain, no more');

            assert.equal(told.users, '1');
            assert.deepEqual(told.settings, [[channel, '10']]);
            assert.deepEqual(told.history.map(([event]) => event), ['hello', 'hello', 'hello']);
            assert.deepEqual(told.history.map(([, message]) => message), received.map((frame) => frame.data));
            assert.deepEqual(told.members, [visitor.uuid]);
            assert.equal(told.where_error, 13);
            assert.equal(told.login_error, 16);
        });
    }

    test('the mariadb command line publishes, a WebSocket receives, and it reads everything back', async (t) => {
        const visitor = await visit(t, server.at, { headers: { 'User-Agent': 'first light' } });
        await visitor.subscribe('web_cli');

        const published = await mariadbCli(server.at,
            `INSERT INTO pipes_settings (name, length) VALUES ('web_cli', 10);
             INSERT INTO pipes_messages (name, event, message) VALUES ('web_cli', 'hello', '${RAW}');
             INSERT INTO pipes_messages (name, event, message) VALUES ('web_cli', 'hello', '${PLAIN}')`);
        assert.deepEqual(published, { stdout: '', stderr: '', code: 0 });
        assert.equal((await visitor.on('web_cli')).data, RAW);
        assert.equal((await visitor.on('web_cli')).data, PLAIN);

        const read = async (statement) => {
            const { stdout, stderr, code } = await mariadbCli(server.at, statement, { args: ['--batch', '--raw'] });
            assert.equal(code, 0, stderr);
            return stdout.trimEnd().split('\n').map((line) => line.split('\t'));
        };
        assert.deepEqual(await read("SELECT name, users FROM pipes WHERE name = 'web_cli'"), [['name', 'users'], ['web_cli', '1']]);
        assert.deepEqual(await read("SELECT * FROM pipes_settings WHERE name = 'web_cli'"), [['name', 'length'], ['web_cli', '10']]);
        assert.deepEqual(await read("SELECT event, message FROM pipes_messages WHERE name = 'web_cli'"),
                         [['event', 'message'], ['hello', RAW], ['hello', PLAIN]]);
        assert.deepEqual(await read("SELECT user_uuid, user_agent, ip FROM users_in_pipes WHERE name = 'web_cli'"),
                         [['user_uuid', 'user_agent', 'ip'], [visitor.uuid, 'first light', '127.0.0.1']]);
    });

    test('the mariadb command line asks and is answered what an interactive session asks', async () => {
        const { stdout, stderr, code } = await mariadbCli(server.at, 'status; show databases; use CometQL_v1; show tables', { args: ['--batch'] });
        assert.equal(code, 0, stderr);
        assert.match(stdout, /CometQL_v1/);
        assert.match(stdout, /pipes_messages/);
        assert.match(stdout, /Connection id:/);
    });

    test('mariadb-admin pings and gets one line of statistics', async () => {
        const words = ['--no-defaults', '-h127.0.0.1', `-P${server.at.sqlPort}`, '-uroot', `-p${server.at.password}`];
        assert.match(await output('mariadb-admin', [...words, 'ping']), /is alive/);
        const line = (await output('mariadb-admin', [...words, 'status'])).trim();
        assert.match(line, /^[\x20-\x7e]+$/, 'plain text');
        assert.match(line, /Uptime/i);
    });

    test('a wrong password is refused with error 16', async () => {
        const { stderr, code } = await mariadbCli(server.at, 'show databases', { password: 'wrong' });
        assert.equal(code, 1);
        assert.match(stderr, /ERROR 16 \(HY000\)/);
        assert.match(stderr, /Authentication failure/);
    });

    test('python websockets receives', async (t) => {
        const uuid = newUuid();
        const env = { ...driverEnv(server.at, 'web_python'), ENCKE_TEST_COUNT: '2',
                      ENCKE_TEST_URL: `ws://127.0.0.1:${server.at.wsPort}${urlPath({ uuid })}` };
        const program = listen(PYTHON, ['websockets_client.py'], env);
        t.after(() => program.child.kill());
        await until(async () => {
            assert.equal(program.code, undefined, program.stderr);
            return (await server.at.memberUuids('web_python')).includes(uuid);
        }, 'the python client to subscribe');

        await server.at.publish('web_python', 'one', 'first');
        await server.at.publish('web_python', 'two', PLAIN);
        await until(() => program.lines.length >= 3, () => `three lines, have ${program.lines}, ${program.stderr}`);
        const [info, first, second] = program.lines.map((line) => JSON.parse(line));
        assert.equal(info.event, 'serverInfo');
        assert.deepEqual([first.event, first.data], ['one', 'first']);
        assert.deepEqual([second.event, second.data], ['two', PLAIN]);
        await until(() => program.code === 0, () => `the python client to end: ${program.stderr}`);
    });
});
