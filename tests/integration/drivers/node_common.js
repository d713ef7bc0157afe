// What the two node drivers have in common.

export const RAW = '{"raw":1}';
export const PLAIN = 'plain text, привет, 😀';
export const QUOTED = '{"text":"it\'s \\"quoted\\""}';

export const channel = process.env.ENCKE_TEST_CHANNEL;
export const sql = {
    host: '127.0.0.1', port: Number(process.env.ENCKE_TEST_SQL_PORT), user: 'root', password: process.env.ENCKE_TEST_PASSWORD,
    database: 'CometQL_v1',
};

/** The error code a promise is refused with; 0 when it is not. */
export async function code(promise) {
    try {
        await promise;
        return 0;
    } catch (error) {
        return error.errno;
    }
}

export function report({ pipe, settings, history, members, whereError, loginError }) {
    console.log(JSON.stringify({
        users: String(pipe.users),
        settings: settings.map((row) => [row.name, String(row.length)]),
        history: history.map((row) => [row.event, row.message]),
        members: members.map((row) => row.user_uuid),
        where_error: whereError,
        login_error: loginError,
    }));
}
