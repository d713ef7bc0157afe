// An hour of everything at once (SECONDS=… for another length): messages from SQL that are counted, crowds that come and go, strangers who
// do it wrong, SIGHUP, orderly restarts and sudden deaths. At the end of each life of the server, when the load has gone, its memory and
// its descriptors are what they were at the start of it; at the end every message is accounted for:
//
//   acknowledged   heard, once and in order, or in the history for who was away
//   not answered   heard at most once
//   never said     never heard
//
// make soak; the choices come from one seed, which is printed: ENCKE_SEED repeats them (not the timing).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOAD_BINARY } from '../integration/support/encke_load.js';
import { randomFrom } from '../integration/support/random.js';
import { RawVisitor, frame } from '../integration/support/raw.js';
import { Server, tempDir } from '../integration/support/server.js';
import { Visitor } from '../integration/support/visitor.js';
import { until } from '../integration/support/wait.js';

const SECONDS = Number(process.env.SECONDS || 3600), LIVES = Math.max(3, Math.min(12, Math.floor(SECONDS / 60)));
const CHANNELS = 4, CROWD = 1500, KEPT = 1000, SLACK_MB = 8;
const LONG_MS = 60_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms)); // a pace of load; nothing is waited for by it

/* One channel: who says numbers, who hears them, and the book of both. */
class Talk {
    constructor(soak, name) {
        Object.assign(this, { soak, name, said: 0, acknowledged: new Set(), heard: [], fetched: 0, comebacks: 0 });
    }

    async speak() {
        for (let connection; !this.soak.isOver;) {
            try {
                connection ??= await this.soak.server.connect();
                const n = ++this.said;
                await connection.query('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [this.name, 'n', String(n)]);
                this.acknowledged.add(n);
                await pause(10 + this.soak.random(20));
            } catch {
                connection?.destroy();
                connection = undefined;
                await pause(100); // between two lives
            }
        }
    }

    /* Comes back after each end, and fetches what was said meanwhile. */
    async listen() {
        while (!this.soak.isOver) {
            try {
                const visitor = await new Visitor(this.soak.server).open();
                visitor.socket.on('message', () => this.take(visitor));
                await visitor.subscribe(this.name);
                await this.fetch(this.soak.server);
                this.comebacks++;
                this.visitor = visitor;
                await visitor.ended;
            } catch {
                await pause(100);
            }
        }
    }

    take(visitor) {
        for (const found of visitor.inbox.filter((f) => f.pipe === this.name)) {
            visitor.inbox.splice(visitor.inbox.indexOf(found), 1);
            this.heard.push(Number(found.data));
        }
    }

    async fetch(server) {
        const rows = await server.query(`SELECT message FROM pipes_messages WHERE name = '${this.name}' LIMIT ${KEPT}`);
        const known = new Set(this.heard), all = rows.map((row) => Number(row.message));
        assert.ok(all.every((n, i) => i === 0 || n > all[i - 1]), `${this.name}: the history is in order and has nothing twice`);
        const missed = all.filter((n) => !known.has(n));
        this.fetched += missed.length;
        missed.forEach((n) => known.add(n) && this.heard.push(n));
    }

    check() {
        const known = new Set(this.heard);
        assert.equal(known.size, this.heard.length, `${this.name}: heard twice: ${this.heard.filter((n, i) => this.heard.indexOf(n) !== i).slice(0, 9)}`);
        const lost = [...this.acknowledged].filter((n) => !known.has(n));
        assert.deepEqual(lost, [], `${this.name}: acknowledged and never heard`);
        assert.ok(this.heard.every((n) => n >= 1 && n <= this.said), `${this.name}: heard what nobody said`);
    }
}

class Soak {
    constructor(random) {
        this.random = random;
        this.state = join(tempDir(), 'state');
        this.talks = Array.from({ length: CHANNELS }, (_, i) => new Talk(this, `soak_${i}`.replace('soak', 'web_soak')));
        this.isOver = this.isQuiet = false;
        Object.assign(this, { crowds: 0, strangers: 0, hups: 0 });
    }

    async begin() {
        const ports = this.server ? { 'ws.port': this.server.wsPort, 'cometql.port': this.server.sqlPort } : {};
        const server = new Server({ 'main.state_dir': this.state, 'main.shards': 2, 'store.backend': 'sqlite', 'main.drain_timeout': '3s', 'ws.ping': '5s',
                                    'ws.idle': '15s', 'ws.max_queue': '256K', ...ports });
        await server.ready();
        this.server = server;
    }

    status() {
        return fetch(`${this.server.http}/api/status`, { headers: { connection: 'close' } }).then((answer) => answer.json());
    }

    async crowd() {
        while (!this.isOver) {
            if (this.isQuiet) {
                await pause(50);
                continue;
            }
            const child = this.child = spawn(LOAD_BINARY, [this.server.ws, '-c', String(200 + this.random(CROWD)), '-r', '0', '--classic', '--channel', 'web_crowd',
                                                           '--hold', `${1 + this.random(5)}s`, '--timeout', '10s', '-q'], { stdio: 'ignore' });
            const ended = new Promise((resolve) => child.once('close', resolve));
            if (this.random(4) === 0) {
                setTimeout(() => child.kill('SIGKILL'), this.random(3000)).unref();
            }
            await ended;
            this.crowds++;
        }
    }

    /* One who does it wrong: silent, cut within a frame, garbage, or never reads. */
    async stranger() {
        this.strangers++;
        const kind = this.random(4);
        if (kind < 2) {
            const socket = net.connect(kind ? this.server.wsPort : this.server.sqlPort, '127.0.0.1').on('error', () => {}).resume();
            socket.write(Buffer.from(Array.from({ length: this.random(300) }, () => this.random(256))));
            setTimeout(() => socket.destroy(), this.random(2000)).unref();
            return;
        }
        const visitor = new RawVisitor(this.server);
        await visitor.open();
        await visitor.command('subscription', 'web_crowd', 'web_soak_0');
        if (kind === 2) {
            await visitor.write(frame('x'.repeat(5000)).subarray(0, this.random(4000)));
            visitor.reset();
        } else {
            visitor.socket.pause();
            setTimeout(() => visitor.destroy(), this.random(5000)).unref();
        }
    }

    async strangersCome() {
        while (!this.isOver) {
            await (this.isQuiet ? pause(50) : this.stranger().catch(() => pause(50)));
            await pause(this.random(100));
            if (this.random(200) === 0 && !this.server.process.result) {
                this.server.process.kill('SIGHUP');
                this.hups++;
            }
        }
    }

    /* Nobody is left but who talks and listens: what the server takes then. */
    async rest() {
        this.isQuiet = true;
        this.child?.kill('SIGKILL');
        let seen;
        await until(async () => (seen = await this.status()).sessions === CHANNELS && seen.sql_connections !== undefined || seen.sessions === CHANNELS,
                    () => `${CHANNELS} sessions, there are ${seen.sessions}`, LONG_MS);
        const pid = this.server.process.pid;
        const descriptors = () => readdirSync(`/proc/${pid}/task`).reduce((sum, task) => sum + readdirSync(`/proc/${pid}/task/${task}/fd`).length, 0);
        const memory = () => Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
        return { descriptors, memory };
    }

    resume() {
        this.isQuiet = false;
    }
}

/* One life: what it takes after its first crowd is what it takes at its end. */
async function live(t, soak, life, seconds) {
    await pause(Math.min(15, seconds / 4) * 1000);
    const first = await soak.rest(), start = { descriptors: first.descriptors(), memory: first.memory() };
    soak.resume();
    await pause(seconds * 1000);
    const last = await soak.rest();
    await until(() => last.descriptors() <= start.descriptors, () => `${start.descriptors} descriptors as at the start, there are ${last.descriptors()}`, LONG_MS);
    await until(() => last.memory() <= start.memory * 1.25 + SLACK_MB, () => `${start.memory} MB as at the start, there are ${last.memory()}`, LONG_MS);
    t.diagnostic(`life ${life}: ${start.descriptors} descriptors at the start, ${last.descriptors()} at the end; `
                 + `${start.memory.toFixed(1)} MB, ${last.memory().toFixed(1)} MB`);
    soak.resume();
}

test(`${SECONDS} seconds of mixed load, faults and ${LIVES} lives`, { timeout: (SECONDS + 900) * 1000 }, async (t) => {
    const seed = Number(process.env.ENCKE_SEED || randomInt(2 ** 31)), soak = new Soak(randomFrom(seed));
    t.diagnostic(`ENCKE_SEED=${seed}`);
    t.after(() => rmSync(join(soak.state, '..'), { recursive: true, force: true }));
    await soak.begin();
    for (const talk of soak.talks) {
        await soak.server.query(`INSERT INTO pipes_settings (name, length) VALUES ('${talk.name}', ${KEPT})`);
    }
    const running = [soak.crowd(), soak.strangersCome(), ...soak.talks.flatMap((talk) => [talk.speak(), talk.listen()])];
    for (let life = 1; life <= LIVES; life++) {
        await live(t, soak, life, SECONDS / LIVES);
        if (life === LIVES) {
            break;
        }
        const old = soak.server;
        if (life % 2) {
            old.process.kill('SIGKILL'); // under load
            await old.process.ended;
            old.process.assertNoSanitizerReport();
            rmSync(old.directory, { recursive: true, force: true });
        } else {
            await old.stop();
        }
        await soak.begin();
    }
    soak.isQuiet = true;
    const count = () => soak.talks.reduce((sum, talk) => sum + talk.acknowledged.size, 0);
    soak.isOver = true;
    soak.child?.kill('SIGKILL');
    for (const talk of soak.talks) {
        await until(() => [...talk.acknowledged].slice(-5).every((n) => talk.heard.includes(n)), `${talk.name}: the last ones`, LONG_MS).catch(() => {});
        await talk.fetch(soak.server);
        talk.check();
        talk.visitor?.socket.terminate();
    }
    await Promise.all(running);
    t.diagnostic(`${count()} messages acknowledged and accounted for, ${soak.talks.reduce((sum, talk) => sum + talk.said, 0) - count()} without an answer, `
                 + `${soak.talks.reduce((sum, talk) => sum + talk.fetched, 0)} fetched from histories; ${soak.crowds} crowds, ${soak.strangers} strangers, ${soak.hups} SIGHUPs`);
    await soak.server.stop();
});
