/** One message of a channel. */
export interface Message<T = unknown> {
    channel: string;
    event: string;
    /** Parsed where it is JSON, the text itself otherwise. */
    data: T;
    /** Of the sender; 0 = anonymous; absent when a backend published it. */
    userId?: number;
    /** Unix seconds. */
    time?: number;
    isHistory: boolean;
    /** It was missed while the connection was lost, and fetched afterwards. */
    isRecovered: boolean;
}

export interface Member {
    userId: number;
    uuid: string;
}

export interface Report {
    /** To how many connections the message is on its way, the sender's left out. */
    reached: number;
}

export interface Options {
    /** `ws://host:8087`, `https://host/comet-server`, `host:8087`; where the page came from when absent. */
    url?: string;
    /** Dev id; 0 when absent. */
    app?: number;
    userId?: number;
    session?: string;
    /** 32 characters of A-Z a-z 0-9 _ -; made and remembered when absent. */
    uuid?: string;
    /** The class to use where there is no global WebSocket (Node before 22: the package `ws`). */
    WebSocket?: unknown;
    /** Reconnecting: milliseconds. */
    minDelay?: number;
    maxDelay?: number;
    stableAfter?: number;
    openTimeout?: number;
    /** Commands that may wait for a connection. */
    maxWaiting?: number;
    /** Messages an async iterator may be behind. */
    maxBuffered?: number;
    /** After a lost connection, fetch what was missed from the channels' histories; true when absent. */
    recover?: boolean;
    /** Makes a session (a token, or the secret of users_auth); asked for before each connection and before a token expires. */
    getSession?: () => string | Promise<string>;
    /** Seconds before a token expires; 30 when absent. */
    renewBefore?: number;
    /** Leaves `data` the text it came as. */
    raw?: boolean;
    random?: () => number;
}

export type State = 'connecting' | 'open' | 'waiting' | 'closed';

/** The server said no. */
export class ServerError extends Error {
    data: unknown;
    code?: number;
}

export class Subscription<T = unknown> implements AsyncIterable<Message<T>> {
    readonly channel: string;
    readonly isActive: boolean;
    unsubscribe(): void;
    [Symbol.asyncIterator](): AsyncIterator<Message<T>>;
}

export interface Events {
    open: { authorized: boolean };
    close: { isFinal: boolean };
    reconnecting: { delay: number; attempt: number };
    /** After a lost connection: `recovered` false says that some of what was missed is gone for good. */
    recovered: { channel: string; recovered: boolean; count: number };
    error: Error;
    message: Message;
    frame: Record<string, unknown>;
}

export class Client {
    constructor(options: Options);
    readonly state: State;
    readonly uuid: string;
    readonly isAuthorized: boolean;
    on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void;
    off<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): void;
    ready(): Promise<this>;
    /** On the open connection and on every later one. */
    login(userId: number, session: string): Promise<boolean>;
    subscribe<T = unknown>(channel: string, callback?: (message: Message<T>) => void): Subscription<T>;
    publish(channel: string, data: unknown, options?: { event?: string }): Promise<Report>;
    history<T = unknown>(channel: string, options?: { limit?: number }): Promise<Message<T>[]>;
    presence(channel: string): Promise<Member[]>;
    count(channel: string): Promise<number>;
    userData<T = unknown>(userId: number): Promise<{ userId: number; data: T }>;
    close(): void;
}

export function connect(options?: string | Options): Client;
export const version: string;

declare const Encke: {
    connect: typeof connect;
    Client: typeof Client;
    Subscription: typeof Subscription;
    ServerError: typeof ServerError;
    version: string;
};
export default Encke;
