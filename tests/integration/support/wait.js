// Waiting for things to be so, with a deadline. Nothing in these tests sleeps for a fixed time.

const LOOK_EVERY_MS = 5;

/** The deadline of every wait that names none. ENCKE_PATIENCE multiplies it (slow machines, sanitizers). */
export const DEADLINE_MS = 10_000 * Number(process.env.ENCKE_PATIENCE || 1);

/** Resolves with the first truthy value of `condition` (which may be async); rejects after the deadline, naming `what`. */
export async function until(condition, what, deadlineMs = DEADLINE_MS) {
    const end = Date.now() + deadlineMs;
    for (;;) {
        const value = await condition();
        if (value) {
            return value;
        }
        if (Date.now() > end) {
            throw new Error(`waited ${deadlineMs} ms for ${typeof what === 'function' ? what() : what}`);
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
}

/** The promise, or a rejection that names `what` once the deadline has passed. */
export function within(promise, what, deadlineMs = DEADLINE_MS) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`waited ${deadlineMs} ms for ${what}`)), deadlineMs);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** One turn of the event loop: lets what was written leave before the next write. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));
