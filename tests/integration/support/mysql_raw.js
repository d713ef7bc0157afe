// The MySQL protocol by hand: packets in one segment, in many, too large, out of the ordinary.

import { createHash } from 'node:crypto';
import { RawSocket } from './raw.js';
import { until } from './wait.js';

export const COM = {
    quit: 0x01, initDb: 0x02, query: 0x03, fieldList: 0x04, statistics: 0x09, ping: 0x0e, changeUser: 0x11,
    prepare: 0x16, execute: 0x17, close: 0x19, stmtReset: 0x1a, fetch: 0x1c, setOption: 0x1b, reset: 0x1f, unknown: 0x1d,
};
export const CAP = { longPassword: 1, connectWithDb: 8, protocol41: 0x200, ssl: 0x800, compress: 0x20, secure: 0x8000, pluginAuth: 0x80000,
                     deprecateEof: 0x1000000 };

export function packet(sequence, payload) {
    const head = Buffer.alloc(4);
    head.writeUIntLE(payload.length, 0, 3);
    head[3] = sequence;
    return Buffer.concat([head, Buffer.from(payload)]);
}

export function command(code, text = '') {
    return packet(0, Buffer.concat([Buffer.from([code]), Buffer.from(text)]));
}

export function parsePackets(bytes) {
    const packets = [];
    let at = 0;
    while (bytes.length - at >= 4) {
        const length = bytes.readUIntLE(at, 3);
        if (bytes.length - at - 4 < length) {
            break;
        }
        packets.push({ sequence: bytes[at + 3], payload: bytes.subarray(at + 4, at + 4 + length) });
        at += 4 + length;
    }
    return packets;
}

export function parseGreeting(payload) {
    let at = payload.indexOf(0, 1);
    const version = payload.toString('latin1', 1, at++);
    const id = payload.readUInt32LE(at);
    const salt1 = payload.subarray(at + 4, at + 12);
    const low = payload.readUInt16LE(at + 13);
    const charset = payload[at + 15];
    const status = payload.readUInt16LE(at + 16);
    const high = payload.readUInt16LE(at + 18);
    const authLength = payload[at + 20];
    const salt2 = payload.subarray(at + 31, at + 43);
    const plugin = payload.toString('latin1', at + 44, payload.indexOf(0, at + 44));
    return { protocol: payload[0], version, id, salt: Buffer.concat([salt1, salt2]), capabilities: ((high << 16) | low) >>> 0, charset, status,
             authLength, plugin };
}

const sha1 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha1')).digest();

export function nativePassword(password, salt) {
    const first = sha1(password);
    const second = sha1(salt, sha1(first));
    return Buffer.from(first.map((byte, i) => byte ^ second[i]));
}

export function loginPayload({ user, auth, database, capabilities }) {
    const caps = capabilities ?? (CAP.longPassword | CAP.protocol41 | CAP.secure | CAP.pluginAuth | (database ? CAP.connectWithDb : 0));
    const head = Buffer.alloc(32);
    head.writeUInt32LE(caps >>> 0, 0);
    head.writeUInt32LE(16777216, 4);
    head[8] = 45;
    return Buffer.concat([head, Buffer.from(`${user}\0`), Buffer.from([auth.length]), auth,
                          Buffer.from(database ? `${database}\0` : ''), Buffer.from('mysql_native_password\0')]);
}

export const isErr = (p) => p.payload[0] === 0xff;
export const isOk = (p) => p.payload[0] === 0x00;
export const isEof = (p) => p.payload[0] === 0xfe && p.payload.length < 9;

export function parseErr(p) {
    return { code: p.payload.readUInt16LE(1), state: p.payload.toString('latin1', 4, 9), text: p.payload.toString('utf8', 9) };
}

export class RawSql extends RawSocket {
    constructor(server) {
        super(server.sqlPort);
        this.server = server;
        this.taken = 0;
    }

    packets() {
        return parsePackets(this.received);
    }

    async nextPacket() {
        await until(() => {
            if (this.packets().length <= this.taken && (this.ended || this.closed)) {
                throw new Error('the connection ended while waiting for a packet');
            }
            return this.packets().length > this.taken;
        }, 'a packet');
        return this.packets()[this.taken++];
    }

    async greet() {
        await this.connected;
        this.greeting = parseGreeting((await this.nextPacket()).payload);
        return this.greeting;
    }

    async login({ user = 'root', password = this.server.password, database = 'CometQL_v1', ...more } = {}) {
        await this.greet();
        const auth = password === null ? Buffer.alloc(0) : nativePassword(password, this.greeting.salt);
        await this.write(packet(1, loginPayload({ user, auth, database, ...more })));
        return this.nextPacket();
    }

    /** The answer to one statement: { ok }, { error } or { columns, rows }. */
    async answer() {
        const first = await this.nextPacket();
        if (isErr(first)) {
            return { error: parseErr(first), sequence: first.sequence };
        }
        if (isOk(first)) {
            return { ok: first.payload, sequence: first.sequence };
        }
        const count = first.payload[0];
        const columns = [];
        for (let i = 0; i < count; i++) {
            columns.push(columnName((await this.nextPacket()).payload));
        }
        await this.nextPacket(); // EOF
        const rows = [];
        for (;;) {
            const next = await this.nextPacket();
            if (isErr(next)) {
                return { error: parseErr(next) };
            }
            if (isEof(next)) {
                return { columns, rows, sequence: next.sequence };
            }
            rows.push(cells(next.payload));
        }
    }

    async ask(code, text) {
        await this.write(command(code, text));
        return this.answer();
    }
}

/** A logged-in raw session that goes away with the test. */
export async function rawSql(t, server, login) {
    const raw = new RawSql(server);
    t.after(() => raw.destroy());
    const answer = await raw.login(login);
    if (!isOk(answer)) {
        throw new Error(`login refused: ${JSON.stringify(parseErr(answer))}`);
    }
    return raw;
}

function lenenc(bytes, at) {
    const first = bytes[at];
    if (first < 0xfb) {
        return [first, at + 1];
    }
    if (first === 0xfb) {
        return [null, at + 1];
    }
    const size = first === 0xfc ? 2 : first === 0xfd ? 3 : 8;
    return [size === 8 ? Number(bytes.readBigUInt64LE(at + 1)) : bytes.readUIntLE(at + 1, size), at + 1 + size];
}

function cells(payload) {
    const out = [];
    for (let at = 0; at < payload.length;) {
        const [length, start] = lenenc(payload, at);
        out.push(length === null ? null : payload.toString('utf8', start, start + length));
        at = start + (length ?? 0);
    }
    return out;
}

/* catalog, schema, table, org_table, name */
function columnName(payload) {
    let at = 0;
    let text = '';
    for (let i = 0; i < 5; i++) {
        const [length, start] = lenenc(payload, at);
        text = payload.toString('utf8', start, start + length);
        at = start + length;
    }
    return text;
}
