// The process is killed at random moments under load, 50 times, and started again on the same directory each time: everything
// that was acknowledged is there, once and in order; what was not is there at most once, in its place.
//
// The choices come from one seed, which is printed: ENCKE_SEED repeats them (not the timing). ENCKE_KILLS changes the number.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Server, tempDir } from './support/server.js';
import { randomFrom } from './support/random.js';
import { until } from './support/wait.js';

const KILLS = Number(process.env.ENCKE_KILLS || 50);
const WRITERS = 6;
const OPTIONS = { 'users.queue_length': 100000, 'main.shards': 3 };

/* What one key went through. `must` is what was acknowledged, in order; `may` the one statement that had no answer. */
class Book {
    constructor() {
        this.keys = new Map();
    }

    at(kind, key) {
        const name = `${kind} ${key}`;
        if (!this.keys.has(name)) {
            this.keys.set(name, { kind, key, must: [], may: null });
        }
        return this.keys.get(name);
    }
}

/* kind -> the statements that write, and the one that reads everything of a key as a list of texts. A `list` is read in order and
 * has as many of the newest as `keeps` says; of the others the last value counts, null for none. */
const publish = (key, text) => ['INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [key, 'e', text]];
const readHistory = (key) => [`SELECT message AS text FROM pipes_messages WHERE name = '${key}' LIMIT 1000`];
const KINDS = {
    queue: {
        list: true, keeps: Infinity,
        put: (key, text) => ['INSERT INTO users_messages (id, event, message) VALUES (?, ?, ?)', [key, 'e', text]],
        read: (key) => [`SELECT message AS text FROM users_messages WHERE id = ${key}`],
    },
    history: { list: true, keeps: 1000, put: publish, read: readHistory },
    short: { list: true, keeps: 3, put: publish, read: readHistory },
    data: {
        put: (key, text) => ['INSERT INTO users_data (id, data) VALUES (?, ?)', [key, text]],
        drop: (key) => [`DELETE FROM users_data WHERE id = ${key}`],
        read: (key) => [`SELECT data AS text FROM users_data WHERE id = ${key}`],
    },
    setting: {
        put: (key, text) => ['INSERT INTO pipes_settings (name, length) VALUES (?, ?)', [key, Number(text)]],
        drop: (key) => [`DELETE FROM pipes_settings WHERE name = '${key}'`],
        read: (key) => [`SELECT length AS text FROM pipes_settings WHERE name = '${key}'`],
    },
    hash: {
        put: (key, text) => ['INSERT INTO users_auth (id, hash) VALUES (?, ?)', [key, text]],
        drop: (key) => [`DELETE FROM users_auth WHERE id = ${key}`],
        read: (key) => [`SELECT hash AS text FROM users_auth WHERE id = ${key}`],
    },
    token: {
        put: (key) => ['INSERT INTO revoked_tokens (token) VALUES (?)', [key]],
        drop: (key) => [`DELETE FROM revoked_tokens WHERE token = '${key}'`],
        read: (key) => [`SELECT token AS text FROM revoked_tokens WHERE token = '${key}'`],
    },
};

/* One connection, one statement at a time; it ends with the server. */
class Writer {
    constructor(book, random, round, number) {
        Object.assign(this, { book, random, round, number, said: 0, acknowledged: 0 });
    }

    name(what) {
        return `${what}_${this.round}_${this.number}`;
    }

    /* A user of this writer and round alone, and a token for each time. */
    choose() {
        const id = 1 + this.round * WRITERS + this.number, text = `${this.said}-${this.random(1000000)} ${'\u{1F600}'.repeat(this.random(20))}`;
        const kind = ['queue', 'history', 'short', 'queue', 'history', 'setting', 'hash', 'data', 'token'][this.random(9)];
        const drops = KINDS[kind].drop && this.random(4) === 0;
        const key = { queue: id, data: id, history: this.name('log'), short: this.name('short'), setting: this.name(`set${this.random(3)}`), hash: id,
                      token: this.name(`token${this.random(5)}`) }[kind];
        const value = { setting: String(1 + this.random(999)), hash: `h${this.said}`, token: key }[kind] ?? text;
        return { kind, key, value: drops ? null : value };
    }

    async say(connection, { kind, key, value }) {
        const entry = this.book.at(kind, key);
        const [sql, values] = value === null ? KINDS[kind].drop(key) : KINDS[kind].put(key, value);
        entry.may = { value };
        this.said++;
        await connection.query(sql, values);
        this.acknowledged++;
        entry.may = null;
        entry.must.push(value);
    }

    async run(server) {
        try {
            const connection = await server.connect();
            await this.say(connection, { kind: 'setting', key: this.name('log'), value: String(KINDS.history.keeps) });
            await this.say(connection, { kind: 'setting', key: this.name('short'), value: String(KINDS.short.keeps) });
            for (;;) {
                await this.say(connection, this.choose());
            }
        } catch (error) {
            if (!server.isKilled) {
                throw error;
            }
        }
    }
}

/* What there is must be what was acknowledged, with or without what had no answer; from then on it is what there is. */
async function check(server, entry) {
    const kind = KINDS[entry.kind], where = `${entry.kind} ${entry.key}`;
    const found = (await server.query(...kind.read(entry.key))).map((row) => String(row.text));
    if (kind.list) {
        const outcomes = [entry.must, ...(entry.may ? [[...entry.must, entry.may.value]] : [])].map((list) => list.slice(-kind.keeps));
        assert.ok(outcomes.some((list) => isDeepStrictEqual(list, found)),
                  `${where}: all that was acknowledged, once, in order: ${JSON.stringify({ found, outcomes }, null, 1)}`);
        entry.must = found;
    } else {
        const allowed = [entry.must.at(-1) ?? null, ...(entry.may ? [entry.may.value] : [])];
        assert.ok(found.length <= 1, `${where}: once`);
        assert.ok(allowed.includes(found[0] ?? null), `${where}: ${found[0]} is not one of ${JSON.stringify(allowed)}`);
        entry.must = [found[0] ?? null];
    }
    entry.may = null;
}

async function start(state) {
    const server = new Server({ ...OPTIONS, 'main.state_dir': state });
    server.isKilled = false;
    return server.ready();
}

async function kill(server) {
    server.isKilled = true;
    server.process.kill('SIGKILL');
    await server.process.ended;
    server.process.assertNoSanitizerReport();
    rmSync(server.directory, { recursive: true, force: true });
}

test(`what was acknowledged survives ${KILLS} sudden deaths`, { timeout: 300_000 }, async (t) => {
    const seed = Number(process.env.ENCKE_SEED || randomInt(2 ** 31));
    t.diagnostic(`ENCKE_SEED=${seed}`);
    const random = randomFrom(seed), state = join(tempDir(), 'state'), book = new Book();
    t.after(() => rmSync(join(state, '..'), { recursive: true, force: true }));
    let server = await start(state), statements = 0, unanswered = 0;
    for (let round = 0; round < KILLS; round++) {
        const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(book, random, round, i));
        const runs = Promise.all(writers.map((writer) => writer.run(server)));
        const many = 1 + random(300);
        await Promise.race([runs, until(() => writers.reduce((sum, writer) => sum + writer.acknowledged, 0) >= many, `${many} answers`)]);
        await kill(server);
        await runs;
        server = await start(state);
        const touched = [...book.keys.values()].filter((entry) => String(entry.key).includes(`_${round}_`) || entry.may !== null
            || (typeof entry.key === 'number' && Math.floor((entry.key - 1) / WRITERS) === round));
        statements += writers.reduce((sum, writer) => sum + writer.acknowledged, 0);
        unanswered += touched.filter((entry) => entry.may).length;
        for (const entry of touched) {
            await check(server, entry);
        }
    }
    for (const entry of book.keys.values()) {
        await check(server, entry);
    }
    await server.stop();
    t.diagnostic(`${statements} statements acknowledged, ${unanswered} had no answer, ${book.keys.size} keys`);
});
