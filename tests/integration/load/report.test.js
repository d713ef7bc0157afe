// The page of encke-load in Chromium: whole, without a request to anybody, readable in light, dark and print.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { LOAD_BINARY } from '../support/encke_load.js';
import { PASSWORD, serverForTest, tempDir } from '../support/server.js';

const execute = promisify(execFile);
const GRAPHS = ['online', 'rate', 'published', 'delivered', 'latency', 'received', 'memory', 'cpu', 'latency-histogram', 'connect-histogram', 'cores'];

/** WCAG's contrast of two colours as the browser tells them. */
function contrast(a, b) {
    const luminance = (colour) => {
        const [r, g, blue] = colour.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * blue;
    };
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
}

test('the page has every graph, asks nobody for anything, and can be read', async (t) => {
    const directory = tempDir(), page = join(directory, 'r.html');
    t.after(() => rmSync(directory, { recursive: true }));
    const server = await serverForTest(t, { 'main.shards': 1 });
    await execute(LOAD_BINARY, [`ws://127.0.0.1:${server.wsPort}`, '--classic', '-c', '300', '-r', '200', '--workload', 'storm', '--rate', '40', '--hold', '4',
                                '--sql', `127.0.0.1:${server.sqlPort}`, '--pid', String(server.process.pid), '-q', '-H', 'X-Key: <secret>', '--html', page],
                  { env: { ...process.env, ENCKE_PASSWORD: PASSWORD } });
    assert.ok(statSync(page).size < 500_000);
    const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
    t.after(() => browser.close());
    for (const [scheme, media, width] of [['light', 'screen', 1180], ['dark', 'screen', 400], ['light', 'print', 800]]) {
        const tab = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
        const asked = [], said = [];
        tab.on('request', (request) => asked.push(request.url()));
        tab.on('console', (message) => said.push(message.text()));
        tab.on('pageerror', (error) => said.push(String(error)));
        await tab.emulateMedia({ media });
        await tab.goto(`file://${page}`);
        assert.deepEqual([asked, said], [[`file://${page}`], []]);
        assert.match(await tab.textContent('.verdict'), /^clean: every message/);
        const seen = await tab.evaluate((ids) => {
            const look = getComputedStyle(document.body);
            return {
                colours: [look.color, look.backgroundColor],
                wide: document.documentElement.scrollWidth,
                graphs: ids.map((id) => {
                    const svg = document.querySelector(`#${id} svg`);
                    const box = svg?.getBoundingClientRect();
                    const marks = [...(svg?.querySelectorAll('path.line, rect.bar, rect.cell') ?? [])];
                    const inside = marks.every((mark) => {
                        const { x, y, width: w, height: h } = mark.getBBox(), { width: W, height: H } = svg.viewBox.baseVal;
                        return x >= 0 && y >= 0 && x + w <= W + 1 && y + h <= H;
                    });
                    return { id, shown: box?.width > 200 && box?.height > 40, marks: marks.length > 0, inside };
                }),
            };
        }, GRAPHS);
        assert.deepEqual(seen.graphs, GRAPHS.map((id) => ({ id, shown: true, marks: true, inside: true })));
        assert.ok(seen.wide <= width, 'nothing is cut off at the side');
        assert.ok(media === 'print' || contrast(...seen.colours) > 7, `${scheme}: ${seen.colours}`);
        await tab.close();
    }
    assert.ok(!(await execute('cat', [page])).stdout.includes('secret'), 'the value of a header is not told');
});
