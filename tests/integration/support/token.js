// Tokens as CppComet's users make them: HS256 with the password and the app's number behind it.

import { createHmac } from 'node:crypto';
import { PASSWORD } from './server.js';

export const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export function token(claims, { app = 0, header = { alg: 'HS256', typ: 'JWT' }, secret = PASSWORD + app } = {}) {
    const body = `${b64(header)}.${b64(claims)}`;
    return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}
