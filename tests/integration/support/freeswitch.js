// A scripted FreeSWITCH: its event socket, as far as the server uses it. The real one is in no package repository the tests may use.

import net from 'node:net';
import { until } from './wait.js';

export const ESL_PASSWORD = 'ClueCon-test';

const member = ({ app = 0, user, type = 'caller', join = 1, talk = 0, name }) =>
    `<member type="${type}"><id>1</id><caller_id_name>${name ?? String(app).padStart(6, '0') + user}</caller_id_name>` +
    `<caller_id_number>x</caller_id_number><join_time>${join}</join_time><last_talking>${talk}</last_talking></member>`;

/** The answer to `api conference xml_list` for { "15*7001-domain": [{ app, user, join, talk }] }. */
export function xmlList(conferences) {
    const rooms = Object.entries(conferences).map(([name, members]) =>
        `<conference name="${name}" member-count="${members.length}" rate="8000"><members>${members.map(member).join('\n')}</members></conference>`);
    return `<?xml version="1.0"?>\n<conferences>\n${rooms.join('\n')}\n</conferences>\n`;
}

export const response = (body) => `Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`;

export class FreeSwitch {
    constructor({ password = ESL_PASSWORD, conferences = {} } = {}) {
        this.password = password;
        this.conferences = conferences;
        this.commands = [];    // all lines received
        this.connections = 0;  // so far
        this.sockets = new Set();
        /* What a test may replace: what is said at once, after the password, and to a command. */
        this.onConnect = (socket) => socket.write('Content-Type: auth/request\n\n');
        this.onApi = (socket) => socket.write(response(xmlList(this.conferences)));
        this.server = net.createServer((socket) => this.accept(socket));
    }

    listen(port = 0) {
        return new Promise((resolve) => this.server.listen(port, '127.0.0.1', () => {
            this.port = this.server.address().port;
            resolve(this);
        }));
    }

    accept(socket) {
        let text = '';
        this.connections++;
        this.sockets.add(socket);
        socket.on('close', () => this.sockets.delete(socket));
        socket.on('error', () => {});
        socket.setEncoding('utf8').on('data', (chunk) => {
            text += chunk;
            for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
                this.command(socket, text.slice(0, end));
            }
        });
        this.onConnect(socket);
    }

    command(socket, line) {
        this.commands.push(line);
        if (line.startsWith('auth ')) {
            const isRight = line === `auth ${this.password}`;
            socket.write(`Content-Type: command/reply\nReply-Text: ${isRight ? '+OK accepted' : '-ERR invalid'}\n\n`);
        } else {
            this.onApi(socket, line);
        }
    }

    get requests() {
        return this.commands.filter((line) => line === 'api conference xml_list').length;
    }

    untilRequests(count) {
        return until(() => this.requests >= count, () => `${count} requests, there are ${this.requests}`);
    }

    /** Drops every connection, as a restart does. */
    hangUp() {
        this.sockets.forEach((socket) => socket.destroy());
        return until(() => this.sockets.size === 0, 'the connections to close');
    }

    async close() {
        this.sockets.forEach((socket) => socket.destroy());
        await new Promise((resolve) => this.server.close(resolve));
    }

    /** For the setting sip.freeswitch. */
    setting(more = '') {
        return `Server=127.0.0.1,Pwd=${this.password},WSport=${this.wsPort ?? 7443},Port=${this.port}${more}`;
    }
}

export async function freeSwitch(t, options) {
    const pbx = await new FreeSwitch(options).listen();
    t.after(() => pbx.close());
    return pbx;
}
