// A process that is to take over and fails, at the stage that ENCKE_TEST_STAGE names. See upgraded.js, programAt.

import net from 'node:net';

const HEAD = 72, VERSION = 1n, KIND = { hello: 1, serving: 2, end: 8 };
const stage = process.env.ENCKE_TEST_STAGE;
const die = () => process.kill(process.pid, 'SIGKILL');

if (stage === 'start') {
    process.exit(3);
}
const pair = new net.Socket({ fd: Number(process.env.ENCKE_SUCCESSOR.split('/')[0]) });

function say(kind) {
    const record = Buffer.alloc(HEAD);
    record.writeUInt32LE(HEAD, 0);
    record.writeUInt8(kind, 4);
    record.writeBigUInt64LE(stage === 'version' ? 99n : VERSION, 48);
    return new Promise((resolve) => pair.write(record, resolve));
}

async function on(kind) {
    if (kind !== KIND.end || stage === 'hang after the end') {
        return;
    }
    if (stage === 'serving') {
        await say(KIND.serving);
    }
    die();
}

let bytes = Buffer.alloc(0);
pair.on('error', die).on('close', die);
pair.on('data', (more) => {
    if (stage === 'state') {
        die();
    }
    bytes = Buffer.concat([bytes, more]);
    while (bytes.length >= HEAD && bytes.length >= bytes.readUInt32LE(0)) {
        on(bytes.readUInt8(4));
        bytes = bytes.subarray(bytes.readUInt32LE(0));
    }
});
if (stage !== 'hang at the start') {
    await say(KIND.hello);
}
