// A small comet server that does as it is told, also what no server should do: it loses messages, doubles them, cuts frames.
//
//   POST /publish {"channel":..,"data":TEXT}     TEXT goes to every WebSocket
//   GET /metrics                                 figures for Prometheus

import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { until } from './wait.js';

const ACCEPT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A frame of a server. */
export function serverFrame(text, opcode = 1) {
    const payload = Buffer.from(text);
    const length = payload.length < 126 ? Buffer.from([payload.length]) : Buffer.from([126, payload.length >> 8, payload.length & 255]);
    return Buffer.concat([Buffer.from([0x80 | opcode]), length, payload]);
}

export const answer101 = (key) => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${createHash('sha1').update(key + ACCEPT).digest('base64')}\r\n\r\n`;

/** Hooks, each optional: greet(client), deliver(client, text, number) -> whether that was all, accept(number) -> status of the POST. */
export class FakeComet {
    constructor(hooks = {}, secured = null) {
        this.hooks = hooks;
        this.clients = [];      // those that are connected
        this.came = 0;          // how many have ever come
        this.published = [];
        const answer = (request, response) => this.answer(request, response);
        this.scheme = secured ? 's' : ''; // { key, cert }: wss and https
        this.http = secured ? https.createServer(secured, answer) : http.createServer(answer);
        this.http.on('upgrade', (request, socket) => this.welcome(request, socket));
    }

    async start(t) {
        await new Promise((resolve) => this.http.listen(0, '127.0.0.1', resolve));
        this.port = this.http.address().port;
        t.after(() => {
            this.clients.forEach((client) => client.socket.destroy());
            this.http.closeAllConnections();
            this.http.close();
        });
        return this;
    }

    get url() {
        return `ws${this.scheme}://127.0.0.1:${this.port}/live`;
    }

    get publishing() {
        return ['--http', `http${this.scheme}://127.0.0.1:${this.port}/publish`];
    }

    answer(request, response) {
        let body = '';
        request.on('data', (chunk) => (body += chunk));
        request.on('end', () => {
            if (request.url === '/metrics') {
                response.end(`process_resident_memory_bytes 12345678\nprocess_cpu_seconds_total ${process.uptime() / 2}\n`);
                return;
            }
            const number = this.published.length;
            response.statusCode = this.hooks.accept?.(number, this) ?? 200;
            if (response.statusCode < 300) {
                this.published.push(body);
                this.clients.forEach((client) => this.deliver(client, JSON.parse(body).data, number));
            }
            response.end('{}');
        });
    }

    deliver(client, text, number) {
        if (!this.hooks.deliver?.(client, text, number)) {
            client.say(text);
        }
    }

    welcome(request, socket) {
        const client = { socket, index: this.came++, received: Buffer.alloc(0), key: request.headers['sec-websocket-key'] };
        client.say = (text) => socket.write(serverFrame(text));
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('data', (bytes) => (client.received = Buffer.concat([client.received, bytes])));
        socket.on('close', () => (this.clients = this.clients.filter((other) => other !== client)));
        if (!this.hooks.greet?.(client, request)) {
            this.join(client);
            socket.write(answer101(client.key));
        }
    }

    join(client) {
        this.clients.push(client);
    }

    /** Some client has sent a frame with this opcode and text (masked with zeros, as encke-load does). */
    untilSaid(client, opcode, text) {
        const wanted = Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
        return until(() => client.received.includes(wanted), `a frame ${opcode} "${text}"`);
    }
}
