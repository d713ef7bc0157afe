// encke-load as it is built, run to its end; what it says about a run, and what it wrote as JSON.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BINARY, PASSWORD } from './server.js';

export const LOAD_BINARY = join(dirname(BINARY), 'encke-load');
const SANITIZER = /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer/;

/** { code, text, results }: the exit code, all it said, and the JSON (null when it wrote none). */
export function load(...words) {
    const directory = mkdtempSync(join(tmpdir(), 'encke-load-'));
    const json = join(directory, 'results.json');
    const limit = 120_000 * Number(process.env.ENCKE_PATIENCE || 1);
    return new Promise((resolve, reject) => {
        execFile(LOAD_BINARY, [...words, '-q', '--json', json], { env: { ...process.env, ENCKE_PASSWORD: PASSWORD }, timeout: limit },
                 (error, stdout, stderr) => {
            const text = stdout + stderr;
            const results = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : null;
            rmSync(directory, { recursive: true });
            if (SANITIZER.test(text) || (error && typeof error.code !== 'number')) {
                reject(new Error(`encke-load ${words.join(' ')}: ${error?.signal ?? ''} ${text}`));
            } else {
                resolve({ code: error?.code ?? 0, text, results });
            }
        });
    });
}
