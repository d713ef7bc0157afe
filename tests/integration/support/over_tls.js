// ENCKE_TEST_TLS=1: the tests speak TLS to every server they start, on both ports, as far as their clients can be told here.

import { after } from 'node:test';
import { Authority } from './certificates.js';

export const OVER_TLS = process.env.ENCKE_TEST_TLS === '1';

if (OVER_TLS) {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    process.removeAllListeners('warning'); // Node warns of that
}

let authority;
let made;
after(() => authority?.remove());

/** Settings of a server. */
export function tlsSettings() {
    if (!OVER_TLS) {
        return {};
    }
    authority ??= new Authority();
    made ??= authority.sign('localhost');
    return {
        'ws.tls_certificate': made.certificate, 'ws.tls_key': made.key, 'cometql.tls_certificate': made.certificate, 'cometql.tls_key': made.key,
    };
}

/* Bare sockets to these ports speak TLS. */
const securePorts = new Set();

export function notePort(port) {
    if (OVER_TLS) {
        securePorts.add(port);
    }
}

export function isSecure(port) {
    return securePorts.has(port);
}
