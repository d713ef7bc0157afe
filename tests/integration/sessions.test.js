// Real drivers change their user, send several statements in a query and ask for the server's statistics.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { driverEnv, output } from './support/programs.js';
import { serverForSuite } from './support/server.js';

const DRIVERS = { 'php mysqli': ['php', 'mysqli_sessions.php'], 'node mysql2': ['node', 'node_mysql2_sessions.js'] };

describe('sessions of drivers', () => {
    const server = serverForSuite();

    for (const [name, [program, file]] of Object.entries(DRIVERS)) {
        test(`${name} changes its user and sends several statements`, async () => {
            const told = JSON.parse(await output(program, [file], driverEnv(server.at, `web_${program}_sessions`)));

            assert.equal(String(told.before), '0');
            assert.equal(String(told.changed), '15');
            assert.deepEqual([told.results[0], ...told.results.slice(1).map((rows) => String(rows[0][0]))], [1, 'a;b', 'pipes', '1']);
            assert.equal(told.wrong, 16);
            if (told.stat !== undefined) {
                assert.match(told.stat, /^Uptime: \d+ {2}Threads: /);
            }
            assert.equal(told.second, 3);
        });
    }
});
