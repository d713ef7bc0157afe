// docs/reference/sql.md: every statement in it is run, from top to bottom, and answers as the page says.
//
//   ```sql            statements, each ending with ; at the end of a line; "-- Query OK, 2 rows affected" behind one is its answer
//   ```               right behind it: the rows of the last one
//
// ENCKE_WRITE_PAGE=1 writes the answers into the page instead of comparing them.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { serverForSuite } from './support/server.js';
import { visit } from './support/visitor.js';

const PAGE = new URL('../../docs/reference/sql.md', import.meta.url);
const WRITES = process.env.ENCKE_WRITE_PAGE === '1';

/** What differs from run to run, in a form that does not. */
function steady(line) {
    return line.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>').replace(/\b1\d{9}\b/g, '<time>')
        .replace(/\d+\.\d+\.\d+-Encke-[\w.]+/g, '<version>').replace(/ +/g, ' ').replace(/-+/g, '-');
}

/** As the mariadb client shows it. */
function table(columns, rows) {
    if (columns.length === 2 && columns[1] === 'Create Table') {
        return rows.map((row) => row[1]).join('\n');
    }
    const cells = [columns, ...rows].map((row) => row.map((cell) => (cell === null ? 'NULL' : String(cell))));
    const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i].length)));
    const line = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
    const shown = cells.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`);
    return [line, shown[0], line, ...shown.slice(1), ...(rows.length > 0 ? [line] : [])].join('\n');
}

/** The statements of a block, each with the number of rows it says to affect. */
function statementsOf(block) {
    const found = [];
    let text = '';
    for (const line of block.split('\n')) {
        const ok = /^-- Query OK, (\d+) rows? affected/.exec(line);
        if (ok) {
            found.at(-1).affected = Number(ok[1]);
        } else {
            text += `${line}\n`;
            if (/;\s*$/.test(line)) {
                found.push({ sql: text.trim().replace(/;$/, '') });
                text = '';
            }
        }
    }
    assert.equal(text.trim(), '', 'a statement ends with ;');
    return found;
}

/** [{ at, end, block, answer: { at, end, text } }] */
function examplesOf(page) {
    return [...page.matchAll(/^```sql\n(.*?)^```\n(?:```\n(.*?)^```$)?/gms)].map((match) => ({
        block: match[1], answer: match[2], at: match.index, answerAt: match.index + match[0].length - '```'.length - (match[2]?.length ?? 0),
    }));
}

describe('docs/reference/sql.md', () => {
    const suite = serverForSuite({ 'sip.freeswitch': 'Server=10.0.0.2,Pwd=p,WSport=7443,Port=8021', 'freeswitch.port': 0 });

    test('every example is answered as the page says', async (t) => {
        const page = readFileSync(PAGE, 'utf8');
        const examples = examplesOf(page);
        const connection = await suite.at.connect({ rowsAsArray: true, dateStrings: true });
        const visitor = await visit(t, suite.at, { headers: { 'User-Agent': 'Mozilla/5.0', 'Accept-Language': 'en' } });
        await visitor.subscribe('news');
        let written = page;
        assert.ok(examples.length > 35, `${examples.length} examples`);
        for (const example of examples) {
            let answer = '';
            for (const { sql, affected } of statementsOf(example.block)) {
                const [rows, fields] = await connection.query(sql).catch((error) => assert.fail(`${sql}\n${error.message}`));
                if (affected !== undefined) {
                    assert.equal(rows.affectedRows, affected, sql);
                }
                answer = fields ? table(fields.map((field) => field.name), rows) : '';
            }
            if (example.answer === undefined) {
                continue;
            }
            if (WRITES) {
                const at = example.answerAt + written.length - page.length;
                written = `${written.slice(0, at)}${answer}\n${written.slice(at + example.answer.length)}`;
            } else if (/PROCESSLIST/.test(example.block)) { // events are counted: the headings only
                assert.equal(steady(example.answer.split('\n')[1]), steady(answer.split('\n')[1]));
            } else {
                assert.deepEqual(steady(example.answer.trimEnd()).split('\n'), steady(answer).split('\n'), example.block);
            }
        }
        if (WRITES) {
            writeFileSync(PAGE, written);
        }
    });

    test('every error of the list is that error', async () => {
        const rows = [...readFileSync(PAGE, 'utf8').matchAll(/^\| `+ ?([A-Z][^\n]*?) ?`+ \| `+ ?ERROR (\d+) \((\w+)\): ([^\n]*?) ?`+ \|$/gm)];
        assert.ok(rows.length >= 10, `${rows.length} errors`);
        for (const [, sql, code, state, text] of rows) {
            const error = await suite.at.query(sql).then(() => assert.fail(`not refused: ${sql}`), (caught) => caught);
            assert.deepEqual([error.errno, error.sqlState, error.sqlMessage], [Number(code), state, text], sql);
        }
    });
});
