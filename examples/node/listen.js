// node listen.js CHANNEL...: prints what is published, and after a lost connection what was missed.
// With ENCKE_USER and ENCKE_SESSION (a hash or a token) personal messages as well.

import WebSocket from 'ws';
import { connect } from '../../client/js/encke.js';

const client = connect({
    url: process.env.ENCKE_URL ?? 'ws://127.0.0.1:8087',
    app: Number(process.env.ENCKE_APP ?? 0),
    userId: Number(process.env.ENCKE_USER ?? 0),
    session: process.env.ENCKE_SESSION ?? '',
    WebSocket,
});
client.on('open', () => console.log('connected', client.isAuthorized ? 'as a user' : 'as a stranger'));
client.on('recovered', ({ channel, recovered, count }) => console.log(channel, recovered ? `missed ${count}, here they are` : 'missed more than there is'));
for (const channel of ['msg', ...process.argv.slice(2)])
    client.subscribe(channel, ({ event, data }) => console.log(channel, event, JSON.stringify(data)));
