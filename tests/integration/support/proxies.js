// Real proxies in front of a server: nginx and HAProxy, as child processes with the configurations of examples/.

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after } from 'node:test';
import { ROOT, tempDir } from './server.js';
import { until } from './wait.js';

const living = new Set();
after(() => living.forEach((child) => child.kill('SIGKILL')));

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort() {
    return new Promise((resolve, reject) => {
        const probe = net.createServer().once('error', reject).listen(0, '127.0.0.1', () => {
            const { port } = probe.address();
            probe.close(() => resolve(port));
        });
    });
}

/** A self-signed certificate for localhost and 127.0.0.1: { certificate, key, both } are paths, `text` is the certificate. */
export function makeCertificate(directory) {
    const certificate = join(directory, 'localhost.crt'), key = join(directory, 'localhost.key'), both = join(directory, 'localhost.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                             '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', certificate], { stdio: 'pipe' });
    const text = readFileSync(certificate, 'utf8');
    writeFileSync(both, text + readFileSync(key, 'utf8'), { mode: 0o600 });
    return { certificate, key, both, text };
}

/** The text of a file of examples/, with each [from, to] replaced; every one of them must be there. */
export function example(path, replacements) {
    let text = readFileSync(join(ROOT, 'examples', path), 'utf8');
    for (const [from, to] of replacements) {
        if (!text.includes(from)) {
            throw new Error(`examples/${path} has no "${from}"`);
        }
        text = text.replaceAll(from, to);
    }
    return text;
}

function accepts(port) {
    return new Promise((resolve) => {
        const socket = net.connect({ host: '127.0.0.1', port });
        socket.once('connect', () => socket.destroy() && resolve(true)).once('error', () => resolve(false));
    });
}

/* Runs until the test is over; ready when every one of `ports` accepts. */
async function runProxy(t, command, args, ports, directory) {
    const child = spawn(command, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '', ended = false;
    const ending = new Promise((resolve) => child.once('close', () => resolve((ended = true))));
    living.add(child);
    child.once('error', (error) => (said += error.message));
    child.stdout.on('data', (text) => (said += text));
    child.stderr.on('data', (text) => (said += text));
    t.after(async () => {
        child.kill('SIGTERM');
        await until(() => ended, `${command} to end`).catch(() => child.kill('SIGKILL'));
        await ending;
        living.delete(child);
        rmSync(directory, { recursive: true, force: true });
    });
    await until(async () => {
        if (ended) {
            throw new Error(`${command} ended: ${said}`);
        }
        return (await Promise.all(ports.map(accepts))).every(Boolean);
    }, () => `${command} to listen: ${said}`);
}

/** nginx with examples/nginx/encke.conf in front of the server: { port, certificate }. */
export async function nginxBefore(t, server) {
    const directory = tempDir(), port = await freePort(), made = makeCertificate(directory);
    const site = example('nginx/encke.conf', [['listen 443 ssl', `listen 127.0.0.1:${port} ssl`], ['127.0.0.1:8087', `127.0.0.1:${server.wsPort}`],
                                              ['/etc/ssl/example.com.crt', made.certificate], ['/etc/ssl/example.com.key', made.key],
                                              ['server_name example.com', 'server_name localhost']]);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(directory, name)};`);
    writeFileSync(join(directory, 'site.conf'), site);
    writeFileSync(join(directory, 'nginx.conf'), ['daemon off;', 'master_process off;', `pid ${join(directory, 'pid')};`, 'error_log stderr;',
                                                  'events {}', 'http {', 'access_log off;', ...temporary, 'include site.conf;', '}', ''].join('\n'));
    mkdirSync(join(directory, 'logs'));
    await runProxy(t, '/usr/sbin/nginx', ['-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')], [port], directory);
    return { port, certificate: made.text };
}

/** HAProxy with examples/haproxy/haproxy.cfg, changed by `changes`, in front of the server: { port, sqlPort, certificate }. */
export async function haproxyBefore(t, server, changes = []) {
    const directory = tempDir(), port = await freePort(), sqlPort = await freePort(), made = makeCertificate(directory);
    const text = example('haproxy/haproxy.cfg', [['bind :443', `bind 127.0.0.1:${port}`], ['bind :3306', `bind 127.0.0.1:${sqlPort}`],
                                                 ['127.0.0.1:8087', `127.0.0.1:${server.wsPort}`], ['127.0.0.1:3307', `127.0.0.1:${server.sqlPort}`],
                                                 ['/etc/haproxy/example.com.pem', made.both], ['maxconn 50000', 'maxconn 100'], ...changes]);
    writeFileSync(join(directory, 'haproxy.cfg'), text);
    await runProxy(t, '/usr/sbin/haproxy', ['-db', '-f', join(directory, 'haproxy.cfg')], [port, sqlPort], directory);
    return { port, sqlPort, certificate: made.text };
}
