// A browser's side of the classic protocol, on the npm package ws.

import { randomBytes } from 'node:crypto';
import WebSocket from 'ws';
import { until, within } from './wait.js';

let serial = 0;

/** 32 characters that no other visitor has. */
export function newUuid() {
    return randomBytes(24).toString('base64').replace(/\+/g, '-').replace(/\//g, '_');
}

export function urlPath({ session = '', user = '', dev = 0, version = '4.08', uuid, prefix = '/ws/' } = {}) {
    return `${prefix}sesion=${session}&myid=${user}&devid=${dev}&v=${version}&uuid=${uuid}&api=js`;
}

/** A marker that was not used before. */
export function newMarker() {
    return `m${++serial}`;
}

export class Visitor {
    /** `base` is where to connect to, when that is not the server itself; `connection` are options of Node's sockets. */
    constructor(server, { path, headers = {}, protocols = [], base = server.ws, connection = {}, ...url } = {}) {
        this.server = server;
        this.dev = url.dev ?? 0;
        this.uuid = url.uuid ?? newUuid();
        this.inbox = []; // parsed frames not yet taken, in order of arrival
        this.texts = []; // every frame as text
        this.controls = { pings: 0, closeCode: null };
        this.closed = false;
        const address = `${base}${path ?? urlPath({ ...url, uuid: this.uuid })}`;
        this.socket = new WebSocket(address, protocols, { headers, perMessageDeflate: process.env.ENCKE_TEST_DEFLATE === '1', ...connection });
        this.socket.on('message', (data, isBinary) => {
            const text = data.toString('utf8');
            this.texts.push(text);
            this.inbox.push(isBinary ? { binary: text } : JSON.parse(text));
        });
        this.socket.on('ping', () => this.controls.pings++);
        this.opened = new Promise((resolve, reject) => {
            this.socket.once('open', resolve);
            this.socket.once('error', reject);
        });
        this.opened.catch(() => {});
        this.socket.on('error', (error) => (this.error = error));
        this.ended = new Promise((resolve) => {
            this.socket.once('close', (code) => {
                this.closed = true;
                this.controls.closeCode = code;
                resolve(code);
            });
        });
    }

    async open() {
        await within(this.opened, 'the WebSocket to open');
        this.info = await this.next((frame) => frame.event === 'serverInfo', 'serverInfo');
        return this;
    }

    send(...lines) {
        this.socket.send(lines.join('\n'));
    }

    /** Takes the first waiting frame that fits, waiting for it if need be. */
    async next(fits = () => true, what = 'a frame', deadlineMs) {
        const found = () => this.inbox.findIndex(fits);
        await until(() => {
            if (found() < 0 && this.closed) {
                throw new Error(`the connection ended while waiting for ${what}; last frames: ${this.texts.slice(-5).join('\n')}`);
            }
            return found() >= 0;
        }, () => `${what}; waiting frames: ${JSON.stringify(this.inbox).slice(0, 1000)}`, deadlineMs);
        return this.inbox.splice(found(), 1)[0];
    }

    on(pipe, deadlineMs) {
        return this.next((frame) => frame.pipe === pipe, `a frame on ${pipe}`, deadlineMs);
    }

    /** The next error frame. */
    async refusal() {
        return this.next((frame) => frame.event === 'error' && frame.pipe === 'sys', 'an error frame');
    }

    /** Takes all that wait. */
    takeAll() {
        return this.inbox.splice(0);
    }

    /** Everything sent so far has been dealt with: a question sent after it has its answer. */
    async fence() {
        const marker = newMarker();
        this.send('pipe_count', 'web_fence', marker, '');
        return this.next((frame) => frame.marker === marker, 'the fence');
    }

    /** Replaces the list, and waits until the server counts this connection in each of `names`. */
    async subscribe(...names) {
        this.send('subscription', ...names);
        for (const name of names) {
            await until(async () => (await this.server.memberUuids(name, this.sqlUser)).includes(this.uuid),
                        `${this.uuid} in ${name}`);
        }
        return this;
    }

    get sqlUser() {
        return this.dev === 0 ? 'root' : String(this.dev);
    }

    async count(name) {
        const marker = newMarker();
        this.send('pipe_count', name, marker, '');
        const answer = await this.next((frame) => frame.marker === marker, `the count of ${name}`);
        return answer.data.user_in_pipe;
    }

    publish(pipe, event, text) {
        this.send('web_pipe2', pipe, event, '*', text);
    }

    report(pipe) {
        return this.on(`_answer_to_${pipe}`);
    }

    /** Goes away without a word, as a closed lid does. */
    async vanish() {
        this.socket.terminate();
        await this.ended;
    }
}

/** An open visitor that goes away with the test. */
export async function visit(t, server, options) {
    const visitor = new Visitor(server, options);
    t.after(() => visitor.socket.terminate());
    return visitor.open();
}
