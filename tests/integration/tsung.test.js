// bench/tsung: the scenarios are well-formed and have no word without a value; a short run passes where tsung is installed.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { PYTHON } from './support/programs.js';
import { BINARY, ROOT } from './support/server.js';
import { DEADLINE_MS } from './support/wait.js';

const FOLDER = join(ROOT, 'bench', 'tsung');
const run = promisify(execFile);

/** Python beside the scripts. */
async function python(program) {
    const { stdout } = await run(PYTHON, ['-B', '-c', program], { cwd: FOLDER, timeout: DEADLINE_MS });
    return stdout.trim();
}

function hasTsung() {
    try {
        execFileSync('tsung', ['-v'], { stdio: 'ignore' });
        return true;
    } catch {
        return false;
    }
}

const skip = hasTsung() ? false : 'tsung is not installed (Debian: apt-get install tsung)';

describe('the scenarios of tsung', () => {
    for (const kind of ['websocket', 'cometql'])
        test(`${kind}.xml is well-formed before and after its words are replaced`, async () => {
            const seen = await python(`
import xml.etree.ElementTree as tree
from programs import scenario_text
words = dict(HOST='127.0.0.1', PORT=8087, USERS=10, RATE=5, STAY=1, INSERTS=2, PASSWORD='x', FROM='127.0.0.1')
tree.parse('${kind}.xml')
filled = tree.fromstring(scenario_text('${kind}', words))
print(sum('@' in value for element in filled.iter() for value in [*element.attrib.values(), element.text or '']),
      filled.find('servers/server').get('port'), filled.find('sessions/session').get('type'))`);
            assert.equal(seen, `0 8087 ${kind === 'websocket' ? 'ts_websocket' : 'ts_mysql'}`);
        });

    test('the path is that of the report of 2017', async () => {
        const path = await python(`
import xml.etree.ElementTree as tree
print(next(element.get('path') for element in tree.parse('websocket.xml').iter('websocket') if element.get('path')))`);
        assert.equal(path, '/comet-server/ws/sesion=&myid=&devid=0&v=3.24&uuid=48wTOvoa-uEtC0thHzBkIKir14sXgkOy&api=js');
    });
});

describe('what tsung wrote is understood', () => {
    // Two dumps as tsung 1.7.0 writes them: in the second nothing was connected, one was refused, and all went.
    const LOG = `# stats: dump at 1000
stats: users 500 500
stats: {cpu,"tsung_controller@host"} 1 22.2 0 22.2 22.2 0 0
stats: connect 500 0.5 1.2 23.5 0.1 0 0
stats: connected 500 500
stats: websocket_succ 500 500
# stats: dump at 1010
stats: users 0 500
stats: connect 1500 0.1 1.2 30.5 0.1 0.5 500
stats: error_connect_econnrefused 1 1
stats: websocket_fail 0 0
stats: connected -500 0
`;

    test('means are of the whole run, rates of the best dump, errors are named', async () => {
        const seen = await python(`
import json, tsung_log
stats = tsung_log.Stats([tsung_log.parse(${JSON.stringify(LOG)}), tsung_log.parse(${JSON.stringify(LOG)})])
count, mean, most = stats.mean('connect')
print(json.dumps([count, round(mean, 6), most, stats.total('websocket_succ'), stats.best_rate('connect'), stats.most('connected'),
                  stats.errors(), stats.mean('page')]))`);
        assert.deepEqual(JSON.parse(seen), [4000, 0.2, 30.5, 1000, 300, 1000, { error_connect_econnrefused: 2 }, null]);
    });

    test('of the console the block that showed the most is kept', async () => {
        const block = (online) => `----------------server_id(1)ws----------------\nOnline now\t\t${online}\n[S]\tC\tPsC\n${'-'.repeat(45)}\n`;
        const seen = await python(`
import report
print(report.best_block('websocket', ${JSON.stringify(block(5) + block(12) + block(7))}).split()[3])`);
        assert.equal(seen, '12');
    });
});

describe('a short run', { skip }, () => {
    for (const kind of ['websocket', 'cometql'])
        test(`of ${kind} has no errors`, async () => {
            const env = { ...process.env, ENCKE_BIN: BINARY };
            const { stdout } = await run(join(FOLDER, 'run'), [kind, '--short'], { env, timeout: DEADLINE_MS * 10 });
            assert.match(stdout, /^no errors$/m);
            assert.match(stdout, kind === 'websocket' ? /^connections online +300 of 300;/m : /^messages published +250$/m);
        });
});

test('the graphs of the reports are of their data', async () => {
    const { stdout } = await run(join(ROOT, 'docs', 'reports', 'graphs'), ['--check'], { timeout: DEADLINE_MS });
    assert.match(stdout, /are as their data/);
});
