// Memory is refused to a server that serves: each of its allocations in turn, and stretches of them. Whoever asked is told, or loses his
// connection; the server goes on, and what others hear is whole, in order and once.
//
// The choices come from one seed, which is printed: ENCKE_SEED repeats them. ENCKE_REFUSALS changes how many there are.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import mysql from 'mysql2/promise';
import { Faults, memoryWatch } from '../support/faults.js';
import { OVER_TLS } from '../support/over_tls.js';
import { randomFrom } from '../support/random.js';
import { OPCODE, RawSocket, frame, upgradeRequest } from '../support/raw.js';
import { newUuid, urlPath, visit } from '../support/visitor.js';
import { until, within } from '../support/wait.js';

const REFUSALS = Number(process.env.ENCKE_REFUSALS || 150);
const HEARD = 'web_heard';

/* All that a browser can ask for, in one breath. Whatever becomes of it, there is an answer to the ping behind it, or an end. */
async function browse(server) {
    const raw = new RawSocket(server.wsPort);
    try {
        await raw.connected;
        const say = (...lines) => frame(lines.join('\n'));
        await raw.write(Buffer.concat([
            Buffer.from(upgradeRequest(urlPath({ uuid: newUuid() }))),
            say('subscription', 'web_a', 'track_b', 'trust_c', `web_${newUuid().replace(/[^a-z]/g, '')}`),
            say('web_pipe2', 'web_a', 'e', '*', 'x'.repeat(3000)), say('web_pipe2', 'web_y', 'e', '*', '"y"'),
            say('pipe_log', 'web_a', 'm1', ''), say('pipe_log', 'trust_c', 'm5', ''), say('track_pipe_users', 'track_b', 'm2'), say('user_status', '5'), say('user_data', 'm3', '5'),
            say('pipe_count', 'web_a', 'm4', ''), frame('over', { opcode: OPCODE.ping }),
        ]));
        await until(() => raw.ended || raw.closed || raw.received.includes('\x8a\x04over', 'latin1'), () => `the pong, or the end; got ${raw.text().slice(-300)}`);
    } catch (error) {
        if (!/ECONN|EPIPE/.test(error.code)) {
            throw new Error(error.message + server.process.said());
        }
    } finally {
        raw.destroy();
    }
}

/* A back end that logs in and asks. What is refused is an error with words. */
async function ask(server) {
    const options = { ...server.sqlOptions(), connectTimeout: 10_000 };
    let connection;
    const statement = async (sql) => {
        try {
            await within(connection.query(sql), `an answer to ${sql}`);
        } catch (error) {
            assert.ok(error.errno || error.code === 'PROTOCOL_CONNECTION_LOST' || /ECONN|EPIPE|closed state/.test(error.code ?? error.message), `${sql}: ${error.message}`);
        }
    };
    try {
        connection = await mysql.createConnection(options);
        connection.on('error', () => {});
    } catch (error) {
        assert.ok(error.code, error.message); // refused at the door
        return;
    }
    await statement("INSERT INTO pipes_messages (name, event, message) VALUES ('web_a', 'e', 'from sql')");
    await statement("INSERT INTO users_auth (id, hash) VALUES (5, 'hash'), (6, 'other')");
    await statement("INSERT INTO users_messages (id, event, message) VALUES (5, 'e', 'personal')");
    await statement("SELECT name, users, COUNT(*) FROM channels GROUP BY name, users ORDER BY users DESC LIMIT 5");
    await statement("SELECT * FROM users_messages WHERE id = 5");
    await statement('SHOW GLOBAL STATUS');
    connection.destroy();
}

/* Somebody who was there before, and a back end that tells him. When memory is refused to his own delivery he may be
 * disconnected, never misled: he comes back. */
class Bystander {
    constructor(t, server) {
        Object.assign(this, { t, server, said: 0, cuts: 0, unsaid: 0 });
    }

    async come() {
        this.visitor = await visit(this.t, this.server);
        await this.visitor.subscribe(HEARD);
    }

    /* With memory: what is acknowledged is heard. */
    async check() {
        if (this.visitor.closed) {
            this.cuts++;
            await this.come();
        }
        const text = `n${this.said++}`;
        await this.server.publish(HEARD, 'e', text);
        const heard = await this.visitor.on(HEARD);
        assert.deepEqual([heard.data, heard.event], [text, 'e']);
    }
}

test('memory that is refused costs who asked for it, and nobody else', { skip: OVER_TLS, timeout: 300_000 }, async (t) => {
    const seed = Number(process.env.ENCKE_SEED || randomInt(2 ** 31)), random = randomFrom(seed);
    t.diagnostic(`ENCKE_SEED=${seed}`);
    const faults = new Faults(), server = await faults.server(t, { 'main.shards': 2, 'store.backend': 'sqlite' });
    await server.query("INSERT INTO pipes_settings (name, length) VALUES ('web_a', 20)");
    const bystander = new Bystander(t, server);
    await bystander.come();

    const before = faults.get('allocations');
    await Promise.all([browse(server), ask(server)]);
    const each = faults.get('allocations') - before;
    assert.ok(each > 50, `${each} allocations: the faults do not reach the server`);
    const memory = memoryWatch(server);
    for (let round = 0; round < REFUSALS; round++) {
        const first = Math.floor(each * round / REFUSALS) + random(Math.ceil(each / REFUSALS));
        const refused = faults.get('refused');
        let over = false;
        faults.refuse(first, round % 3 === 2 ? 1 + random(40) : 1);
        const all = Promise.all([browse(server), ask(server)]).finally(() => (over = true));
        await until(() => over || faults.get('refused') > refused, 'a refusal'); // a stretch ends by itself only where much is asked for
        faults.heal();
        await all;
        assert.equal(server.process.result, null, server.process.said());
        await bystander.check();
    }
    t.diagnostic(`${each} allocations a round, ${faults.get('refused')} refused in ${REFUSALS} rounds; the bystander was cut ${bystander.cuts} times; `
                 + `${memory.grownMB()} MB more than before`);
    assert.ok(faults.get('refused') >= REFUSALS / 2);
    assert.ok(memory.grownMB() < 48, `${memory.grownMB()} MB more than before`);
    await browse(server);
    await ask(server);
});
