// An authority and the certificates it signs, made with the openssl command when a test asks for them.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function openssl(...words) {
    execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

const keyWords = (kind) => (kind === 'rsa' ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']);

export class Authority {
    constructor(name = 'Encke test authority') {
        this.directory = mkdtempSync(join(tmpdir(), 'encke-test-'));
        this.file = join(this.directory, 'ca.pem');
        this.keyFile = join(this.directory, 'ca.key');
        openssl('req', '-x509', ...keyWords('ec'), '-nodes', '-keyout', this.keyFile, '-out', this.file, '-days', '2', '-subj', `/CN=${name}`,
                '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign');
    }

    get pem() {
        return readFileSync(this.file, 'utf8');
    }

    path(name) {
        return join(this.directory, name);
    }

    /** A certificate for `hosts`: the paths { certificate, key }, and both in one file { both }. */
    sign(name, { hosts = ['DNS:localhost', 'IP:127.0.0.1'], kind = 'ec', days = 1 } = {}) {
        const made = { certificate: this.path(`${name}.pem`), key: this.path(`${name}.key`), both: this.path(`${name}.both.pem`) };
        const request = this.path(`${name}.csr`);
        const extensions = this.path(`${name}.ext`);
        writeFileSync(extensions, `subjectAltName=${hosts.join(',')}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n`);
        openssl('req', ...keyWords(kind), '-nodes', '-keyout', made.key, '-out', request, '-subj', `/CN=${name}`);
        openssl('x509', '-req', '-in', request, '-CA', this.file, '-CAkey', this.keyFile, '-CAcreateserial', '-out', made.certificate,
                '-days', String(days), '-sha256', '-extfile', extensions);
        writeFileSync(made.both, readFileSync(made.certificate, 'utf8') + readFileSync(made.key, 'utf8'));
        return made;
    }

    remove() {
        rmSync(this.directory, { recursive: true, force: true });
    }
}
