// Graphical tools and what they are made of: phpMyAdmin in Chromium, and JDBC's DatabaseMetaData, which DBeaver is built on. Run by
// tests/drivers/run.sh, for they bring languages of their own.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { serverForSuite } from '../support/server.js';
import { until } from '../support/wait.js';

const PHPMYADMIN = '/usr/share/phpmyadmin';
const CONNECTOR = '/usr/share/java/mariadb-java-client.jar';
const TABLES = ['pipes', 'pipes_messages', 'pipes_settings', 'users_auth', 'users_in_pipes', 'users_messages', 'users_time'];

const squeeze = (text) => text.trim().replace(/\s+/g, ' ');

/** phpMyAdmin with a configuration of ours: the package's files, but for those that name the configuration. */
class PhpMyAdmin {
    async start(server) {
        this.directory = mkdtempSync(join(tmpdir(), 'encke-phpmyadmin-'));
        const root = join(this.directory, 'root');
        for (const name of ['root', 'tmp', 'sessions']) {
            mkdirSync(join(this.directory, name));
        }
        for (const name of readdirSync(PHPMYADMIN)) {
            const copies = name === 'libraries' || name === 'index.php';
            (copies ? (from, to) => cpSync(from, to, { recursive: true }) : symlinkSync)(join(PHPMYADMIN, name), join(root, name));
        }
        const vendor = join(root, 'libraries', 'vendor_config.php');
        writeFileSync(vendor, readFileSync(vendor, 'utf8').replace('/etc/phpmyadmin/config.inc.php', join(this.directory, 'config.php'))
            .replace('/var/lib/phpmyadmin/tmp/', join(this.directory, 'tmp', '/')));
        writeFileSync(join(this.directory, 'config.php'), `<?php
            $cfg['blowfish_secret'] = '${'x'.repeat(32)}';
            $cfg['SendErrorReports'] = 'never';
            $cfg['Servers'][1] = ['host' => '127.0.0.1', 'port' => '${server.sqlPort}', 'auth_type' => 'config', 'user' => 'root',
                                  'password' => '${server.password}'];`);
        const options = ['-d', `session.save_path=${join(this.directory, 'sessions')}`, '-S', '127.0.0.1:0', '-t', root];
        this.child = spawn('php', options, { stdio: ['ignore', 'ignore', 'pipe'] });
        this.said = '';
        this.child.stderr.on('data', (bytes) => { this.said += bytes; });
        const started = await until(() => /\((http:\/\/127\.0\.0\.1:\d+)\) started/.exec(this.said), () => `phpMyAdmin to start ${this.said}`);
        this.url = `${started[1]}/index.php?route=`;
    }

    stop() {
        this.child?.kill();
        rmSync(this.directory, { recursive: true, force: true });
    }
}

describe('phpMyAdmin', () => {
    const suite = serverForSuite();
    const admin = new PhpMyAdmin();
    let browser;
    let page;

    before(async () => {
        await suite.at.query("INSERT INTO pipes_settings VALUES ('shown', 7), ('also_shown', 9)");
        await admin.start(suite.at);
        browser = await chromium.launch({ executablePath: process.env.ENCKE_CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
        page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
    });
    after(async () => {
        await browser?.close();
        admin.stop();
    });

    const alerts = () => page.$$eval('#page_content .alert-danger, #page_content .alert-error', (found) => found.map((e) => e.textContent));

    test('lists the database and its tables', async () => {
        await page.goto(`${admin.url}/`);
        await page.waitForSelector('#pma_navigation_tree a:text-is("users_time")');
        const listed = await page.$$eval('#pma_navigation_tree li.table, #pma_navigation_tree li', (all) => all.map((e) => e.textContent));
        for (const name of ['CometQL_v1', ...TABLES]) {
            assert.ok(listed.some((text) => text.includes(name)), `${name} in ${listed.map(squeeze)}`);
        }
        assert.deepEqual(await alerts(), []);
    });

    test('shows the tables of the database', async () => {
        await page.goto(`${admin.url}/database/structure&db=CometQL_v1`);
        await page.waitForSelector('#tablesForm a:text-is("users_time")');
        const shown = await page.$$eval('#tablesForm tr[data-filter-row]', (rows) => rows.map((row) => row.getAttribute('data-filter-row').toLowerCase()));
        assert.deepEqual(TABLES.filter((name) => !shown.includes(name)), []);
        assert.deepEqual(await alerts(), []);
    });

    test('shows the columns and keys of a table', async () => {
        await page.goto(`${admin.url}/table/structure&db=CometQL_v1&table=pipes_messages`);
        await page.waitForSelector('#tablestructure');
        const rows = await page.$$eval('#tablestructure tbody tr', (all) => all.map((row) => row.textContent.replace(/\s+/g, ' ')));
        for (const [name, type] of [['id', 'char(36)'], ['name', 'varchar(64)'], ['message', 'text'], ['user_id', 'int(11)']]) {
            assert.ok(rows.some((row) => row.includes(name) && row.includes(type)), `${name} ${type} in ${rows}`);
        }
        assert.deepEqual(await alerts(), []);
    });

    test('runs a statement and shows its rows', async () => {
        await page.goto(`${admin.url}/database/sql&db=CometQL_v1`, { waitUntil: 'networkidle' });
        await page.waitForSelector('#sqlqueryform .CodeMirror');
        await page.evaluate(() => document.querySelector('#sqlqueryform .CodeMirror').CodeMirror.setValue(
            "SELECT * FROM `pipes_settings` WHERE `name` IN ('shown', 'also_shown') ORDER BY `length` DESC"));
        await page.click('#button_submit_query');
        await page.waitForSelector('table.table_results');
        const rows = await page.$$eval('table.table_results tbody tr', (all) => all.map((row) =>
            [...row.querySelectorAll('td.data')].map((cell) => cell.textContent.trim())));
        assert.deepEqual(rows, [['also_shown', '9'], ['shown', '7']]);
        assert.deepEqual(await alerts(), []);
    });

    test('says what is missing when a whole table is asked for', async () => {
        await page.goto(`${admin.url}/`);
        await page.click('#pma_navigation_tree a:text-is("pipes_settings")');
        await page.waitForSelector('#page_content :text("#13")');
    });

    for (const place of ['/server/databases', '/server/variables', '/server/engines', '/server/collations', '/server/status/processes',
                         '/database/export&db=CometQL_v1', '/table/search&db=CometQL_v1&table=pipes']) {
        test(`opens ${place} without an error`, async () => {
            await page.goto(`${admin.url}${place}`);
            await page.waitForSelector('#page_content');
            assert.deepEqual(await alerts(), []);
        });
    }
});

describe('JDBC', () => {
    const suite = serverForSuite();

    for (const options of ['', '&useServerPrepStmts=true']) {
        test(`DatabaseMetaData with MariaDB's connector${options}`, async () => {
            await suite.at.query("INSERT INTO pipes_settings VALUES ('one', 7), ('two', 9)");
            const url = `jdbc:mariadb://127.0.0.1:${suite.at.sqlPort}/CometQL_v1?user=root&password=${suite.at.password}${options}`;
            const out = execFileSync('java', ['-cp', CONNECTOR, join(import.meta.dirname, 'Metadata.java'), url], { encoding: 'utf8' });
            const answers = Object.fromEntries(out.trim().split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
            const failed = Object.entries(answers).filter(([, answer]) => answer.startsWith('ERROR'));
            assert.deepEqual(failed, []);
            assert.equal(answers.catalogs, 'CometQL_v1;');
            for (const table of TABLES) {
                assert.ok(answers.tables.includes(`CometQL_v1|${table}|TABLE;`), `${table} in ${answers.tables}`);
            }
            assert.equal(answers.columns, 'name|12|VARCHAR|64|1;length|4|INT|10|2;');
            assert.equal(answers.primary, 'name|PRIMARY;');
            assert.equal(answers.indexes, 'PRIMARY|id;name|name;');
            assert.equal(answers.rows, 'two|9;one|7;');
            assert.equal(answers.prepared, 'one|7;two|9;');
        });
    }
});
