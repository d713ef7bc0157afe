/* Encke's client for browsers and Node: sets globalThis.Encke. No dependencies, no build step.
 *
 *   const client = Encke.connect('ws://example.com:8087');
 *   client.subscribe('web_chat', (message) => console.log(message.data));
 *   await client.publish('web_chat', { text: 'hello' });
 *
 * How it works. One WebSocket, the classic protocol (text commands out, one JSON object a frame in).
 *
 *   subscribe ──> the list of channels ──> one "subscription" command replaces the server's list
 *   publish   ──> waits for its delivery report; reports of one channel come in the order of the publications
 *   history, presence, count ──> questions; the server answers those of one connection in their order
 *
 *   recover   ──> after each new list: what did this channel say since the position (epoch, offset) last heard?
 *
 * A lost connection is made again after a random part of a growing delay (full jitter), and the list is sent again. Commands
 * given meanwhile wait. A publication whose report was lost with the connection is rejected, not repeated: it may have arrived.
 * Only when the server was upgraded it says that it did not, and it is repeated.
 * While a channel recovers its live messages are held, so that they come behind those that were missed, each once and in order.
 */
(function () {
    'use strict';

    const VERSION = '0.2.0';
    const PROTOCOL_VERSION = '4.09'; /* what a server of this protocol takes for a current library */
    const NAME = /^[A-Za-z0-9_-]{2,64}$/;
    const EVENT = /^[A-Za-z0-9_-]{0,64}$/;
    const PUBLISHABLE = /^(@?web_|webauth_)/;
    const SESSION = /^[!-~]*$/; /* it travels as it is in a path of name=value&name=value */
    const UUID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const UUID_LENGTH = 32;
    const END_OF_HISTORY = 'web_encke_end'; /* a channel nobody uses; the answer about it follows the history */

    const DEFAULTS = {
        app: 0,
        userId: 0,
        session: '',
        minDelay: 500, /* ms; the first delay is a random part of it */
        maxDelay: 30000,
        stableAfter: 10000, /* ms; a connection that lasted so long forgets earlier failures */
        openTimeout: 15000, /* ms until the server must have greeted */
        maxWaiting: 1000, /* commands that may wait for a connection */
        maxBuffered: 10000, /* messages an async iterator may be behind */
        recover: true, /* after a lost connection, fetch what was missed from the channels' histories */
        getSession: undefined, /* () => session or a promise of one: asked for before each connection, and before a token expires */
        renewBefore: 30, /* s before a token expires */
        raw: false, /* true: data stays the text it came as */
        random: Math.random,
    };

    /* The server said no. `data` is what it said. */
    class ServerError extends Error {
        constructor(text, data) {
            super(text);
            this.name = 'ServerError';
            this.data = data;
            this.code = (data && (data.error_code || Number(data.code))) || undefined;
        }
    }

    function makeUuid(random) {
        const bytes = new Uint8Array(UUID_LENGTH);
        if (globalThis.crypto && globalThis.crypto.getRandomValues)
            globalThis.crypto.getRandomValues(bytes);
        else
            for (let i = 0; i < bytes.length; i++)
                bytes[i] = Math.floor(random() * 256);
        return Array.from(bytes, (byte) => UUID_ALPHABET[byte & 63]).join('');
    }

    /* The same visitor keeps his uuid over reloads, where the browser lets him. */
    function rememberedUuid(random) {
        try {
            const known = globalThis.localStorage.getItem('encke.uuid');
            if (known && known.length === UUID_LENGTH)
                return known;
            const made = makeUuid(random);
            globalThis.localStorage.setItem('encke.uuid', made);
            return made;
        } catch {
            return makeUuid(random);
        }
    }

    /* ws://host:port, whatever form the address was given in. */
    function socketAddress(url) {
        if (url === undefined || url === '') {
            if (!globalThis.location || !globalThis.location.host)
                throw new TypeError("connect: say where the server is: connect('ws://host:8087')");
            url = (globalThis.location.protocol === 'https:' ? 'wss://' : 'ws://') + globalThis.location.host;
        }
        url = String(url).replace(/^http/, 'ws').replace(/\/+$/, '');
        return /^wss?:\/\//.test(url) ? url : (globalThis.location && globalThis.location.protocol === 'https:' ? 'wss://' : 'ws://') + url;
    }

    function parsed(text) {
        if (typeof text !== 'string')
            return text;
        try {
            return JSON.parse(text);
        } catch {
            return text;
        }
    }

    const ESCAPED = { 0: '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\x1a' };

    /* CometQL delivers the text of a SQL string as it stands between the quotes: a driver that escapes values puts a backslash
     * before quotes and backslashes, which belongs to SQL and not to the message. JSON that parses as it is was not escaped. */
    function parsedFromSql(text) {
        const asIs = parsed(text);
        if (typeof asIs !== 'string' || asIs !== text || !text.includes('\\'))
            return asIs;
        return parsed(text.replace(/\\([^])/g, (pair, letter) => ESCAPED[letter] ?? letter));
    }

    /* When a JSON Web Token expires, in unix seconds; undefined for anything else. */
    function expiryOf(session) {
        try {
            const claims = JSON.parse(globalThis.atob(session.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
            return typeof claims.exp === 'number' ? claims.exp : undefined;
        } catch {
            return undefined;
        }
    }

    function checkSession(session) {
        if (typeof session !== 'string' || !SESSION.test(session) || /[&#]/.test(session))
            throw new TypeError('a session is ASCII text without blanks, & and #');
        return session;
    }

    function checkChannel(channel) {
        if (typeof channel !== 'string' || !NAME.test(channel))
            throw new TypeError(`the name of a channel has 2 to 64 characters of A-Z a-z 0-9 _ -, unlike ${JSON.stringify(channel)}`);
        return channel;
    }

    /* One listener of one channel. */
    class Subscription {
        constructor(client, channel, callback) {
            this.channel = channel;
            this.client = client;
            this.callback = callback;
            this.isActive = true;
            this.buffered = null; /* messages for the iterator; null: nobody iterates */
            this.waiting = [];
            this.failure = null;
        }

        unsubscribe() {
            if (!this.isActive)
                return;
            this.isActive = false;
            this.client._forget(this);
            this._settle();
        }

        _settle() {
            for (const wait of this.waiting.splice(0))
                this.failure ? wait.reject(this.failure) : wait.resolve({ value: undefined, done: true });
        }

        _fail(error) {
            this.failure = error;
            this.unsubscribe();
            this._settle();
        }

        _deliver(message) {
            if (this.callback)
                this.callback(message);
            if (this.buffered === null)
                return;
            const wait = this.waiting.shift();
            if (wait)
                wait.resolve({ value: message, done: false });
            else if (this.buffered.push(message) > this.client.options.maxBuffered)
                this._fail(new Error(`the iterator of ${this.channel} is more than ${this.client.options.maxBuffered} messages behind`));
        }

        /* Messages from now on; leaving the loop unsubscribes. */
        [Symbol.asyncIterator]() {
            this.buffered = this.buffered || [];
            return {
                next: () => {
                    if (this.buffered.length > 0)
                        return Promise.resolve({ value: this.buffered.shift(), done: false });
                    if (this.failure)
                        return Promise.reject(this.failure);
                    if (!this.isActive)
                        return Promise.resolve({ value: undefined, done: true });
                    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
                },
                return: () => {
                    this.unsubscribe();
                    return Promise.resolve({ value: undefined, done: true });
                },
            };
        }
    }

    class Client {
        constructor(options) {
            const given = Object.entries(options).filter(([, value]) => value !== undefined);
            this.options = Object.assign({}, DEFAULTS, Object.fromEntries(given));
            this.options.WebSocket = this.options.WebSocket || globalThis.WebSocket;
            if (!this.options.WebSocket)
                throw new TypeError("no WebSocket here: pass one, connect({ url, WebSocket: require('ws') })");
            checkSession(this.options.session);
            this.address = socketAddress(this.options.url);
            this.uuid = this.options.uuid || rememberedUuid(this.options.random);
            this.state = 'connecting'; /* 'connecting' | 'open' | 'waiting' | 'closed' */
            this.isAuthorized = false;
            this.serverInfo = null;
            this._listeners = new Map();
            this._channels = new Map(); /* name -> Set of Subscription */
            this._operations = []; /* sent or waiting to be sent, oldest first */
            this._attempt = 0;
            this._markers = 0;
            this._listIsStale = false;
            this._positions = new Map(); /* name -> { epoch, offset } last heard */
            this._recovering = new Map(); /* name -> live frames held until the answer */
            this._known = new Map(); /* name -> { epoch, offset, positions } of an answer, some of which may still come live */
            this._turn = 0; /* of the last operation sent: questions are answered in their order */
            this._placed = new Set(); /* names whose position this connection has asked for */
            this._connect();
        }

        /* --- events ------------------------------------------------------------------------------------------------------ */

        /* 'open', 'close', 'reconnecting' ({ delay }), 'error' (Error), 'message' (message), 'frame' (as the server sent it). */
        on(event, listener) {
            if (!this._listeners.has(event))
                this._listeners.set(event, new Set());
            this._listeners.get(event).add(listener);
            return () => this.off(event, listener);
        }

        off(event, listener) {
            const listeners = this._listeners.get(event);
            if (listeners)
                listeners.delete(listener);
        }

        _emit(event, value) {
            if (event === 'error' && !(this._listeners.get(event) || new Set()).size)
                console.error(`encke: ${value.message}`); /* nobody listens, and a page that hears nothing should know why */
            for (const listener of [...(this._listeners.get(event) || [])])
                try {
                    listener(value);
                } catch (error) {
                    setTimeout(() => { throw error; }, 0); /* the page's fault: shown, but it stops nobody else */
                }
        }

        /* Resolves when the server has greeted; rejects when it never will. */
        ready() {
            if (this.state === 'open')
                return Promise.resolve(this);
            if (this.state === 'closed')
                return Promise.reject(this._lastError || new Error('the client is closed'));
            return new Promise((resolve, reject) => {
                const done = () => { offs.forEach((off) => off()); };
                const offs = [
                    this.on('open', () => { done(); resolve(this); }),
                    this.on('close', (e) => { if (e.isFinal) { done(); reject(this._lastError || new Error('the client was closed')); } }),
                ];
            });
        }

        /* --- the connection ---------------------------------------------------------------------------------------------- */

        _path() {
            const o = this.options;
            return `/ws/sesion=${o.session}&myid=${o.userId || ''}&devid=${o.app}&v=${PROTOCOL_VERSION}&uuid=${this.uuid}&api=encke`;
        }

        /* With a fresh session first, where the page makes them. */
        _connect() {
            this.state = 'connecting';
            if (!this.options.getSession) {
                this._dial();
                return;
            }
            Promise.resolve().then(() => this.options.getSession()).then((session) => {
                this.options.session = checkSession(session || '');
                if (this.state === 'connecting')
                    this._dial();
            }).catch((error) => {
                if (this.state !== 'connecting')
                    return;
                this._emit('error', new Error(`getSession: ${error.message}`));
                this._lost();
            });
        }

        _dial() {
            const socket = new this.options.WebSocket(this.address + this._path());
            this._socket = socket;
            const isMine = () => this._socket === socket;
            this._openTimer = setTimeout(() => { if (isMine()) this._lost(); }, this.options.openTimeout);
            socket.onmessage = (event) => { if (isMine()) this._receive(event.data); };
            socket.onclose = () => { if (isMine()) this._lost(); };
            socket.onerror = () => {}; /* a close follows */
            if (typeof socket.on === 'function') /* Node's package ws shows how it was refused; browsers do not */
                socket.on('unexpected-response', (request, response) => {
                    const seconds = Number(response.headers['retry-after']);
                    request.destroy();
                    if (!isMine())
                        return;
                    if (seconds > 0) /* not all at the same moment, and not a moment earlier */
                        this._returnAfter = Math.min(seconds * 1000 * (1 + this.options.random()), Math.max(this.options.maxDelay, seconds * 1000));
                    this._lost();
                });
        }

        _dropSocket() {
            const socket = this._socket;
            clearTimeout(this._openTimer);
            clearTimeout(this._renewTimer);
            this._socket = null;
            if (socket)
                try { socket.close(); } catch { /* it was never open */ }
        }

        _lost() {
            const wasOpen = this.state === 'open';
            this._dropSocket();
            if (wasOpen && Date.now() - this._openedAt >= this.options.stableAfter)
                this._attempt = 0;
            this._rejectSentPublications();
            this._recovering.clear(); /* what was held comes again */
            this._known.clear();
            this._placed.clear();
            this.state = 'waiting';
            this._emit('close', { isFinal: false });
            if (this.state !== 'waiting')
                return; /* a listener has closed the client */
            const ceiling = Math.min(this.options.maxDelay, this.options.minDelay * 2 ** this._attempt++);
            const told = this._returnAfter; /* by a server that was to stop, or had no room */
            this._returnAfter = undefined;
            const delay = told !== undefined ? told : this.options.random() * ceiling;
            this._retryTimer = setTimeout(() => this._connect(), delay);
            this._emit('reconnecting', { delay, attempt: this._attempt });
        }

        /* For ever: nothing more is sent or received. */
        close() {
            this._end(new Error('the client was closed'));
        }

        _end(error) {
            if (this.state === 'closed')
                return;
            this.state = 'closed';
            this._lastError = error;
            clearTimeout(this._retryTimer);
            this._dropSocket();
            for (const operation of this._operations.splice(0))
                operation.reject(error);
            for (const subscriptions of [...this._channels.values()])
                for (const subscription of [...subscriptions])
                    subscription.unsubscribe();
            this._emit('close', { isFinal: true });
        }

        _opened(frame) {
            clearTimeout(this._openTimer);
            this.state = 'open';
            this._openedAt = Date.now();
            this.isAuthorized = frame.authorized === true;
            this.serverInfo = frame;
            if (this._channels.size > 0)
                this._sendList();
            for (const operation of this._operations)
                if (!operation.isSent)
                    this._send(operation);
            this._planRenewal();
            this._emit('open', frame);
        }

        /* --- who the visitor is ------------------------------------------------------------------------------------------ */

        /* Logs in on the open connection, and on every later one. Resolves with true or false. */
        login(userId, session) {
            try {
                if (!Number.isInteger(userId) || userId <= 0)
                    throw new TypeError('login: the id of a user is a number above 0');
                checkSession(session);
                return this._operation('login', undefined, [`login\n${userId}\n${session}`]).then((isAuthorized) => {
                    if (isAuthorized) {
                        Object.assign(this.options, { userId, session });
                        this.isAuthorized = true;
                        this._planRenewal();
                    }
                    return isAuthorized;
                });
            } catch (error) {
                return Promise.reject(error);
            }
        }

        /* A token that the page can renew is renewed before it expires: otherwise the server ends the connection then. */
        _planRenewal() {
            clearTimeout(this._renewTimer);
            const expires = this.options.getSession && this.isAuthorized ? expiryOf(this.options.session) : undefined;
            if (expires === undefined)
                return;
            const wait = Math.max(0, (expires - this.options.renewBefore) * 1000 - Date.now());
            this._renewTimer = setTimeout(() => this._renew(), Math.min(wait, 2 ** 31 - 1));
        }

        _renew() {
            Promise.resolve().then(() => this.options.getSession())
                .then((session) => (this.state === 'open' ? this.login(this.options.userId, session) : true))
                .then((isRenewed) => { if (!isRenewed) throw new Error('the server did not accept the new token'); })
                .catch((error) => this._emit('error', new Error(`getSession: ${error.message}`)));
        }

        /* --- receiving --------------------------------------------------------------------------------------------------- */

        _receive(text) {
            for (const line of String(text).split('\n')) {
                if (this.state === 'closed')
                    return; /* a listener has closed the client */
                let frame;
                try {
                    frame = JSON.parse(line);
                } catch {
                    continue;
                }
                if (frame && typeof frame === 'object')
                    this._handle(frame);
            }
        }

        /* The server is to stop, or another process has taken its place. */
        _leaving({ after_ms: after, undone }) {
            this._returnAfter = Math.min(Number(after) || 0, this.options.maxDelay);
            this._isUndone = undone === true;
        }

        _handle(frame) {
            if (typeof frame.error === 'number' && frame.error > 400) {
                const data = parsed(frame.data);
                const error = new ServerError((data && data.error) || `the server refuses with ${frame.error}`, data);
                error.code = frame.error;
                this._emit('frame', frame);
                this._emit('error', error);
                this._end(error);
                return;
            }
            if (frame.pipe === 'sys' && frame.event === 'serverInfo')
                this._opened(frame);
            else if (frame.pipe === 'sys' && frame.event === 'error')
                this._failed(frame);
            else if (frame.pipe === 'sys' && frame.event === 'login')
                this._loggedIn(frame);
            else if (frame.pipe === 'sys' && frame.event === 'leaving')
                this._leaving(frame.data || {});
            else if (frame.marker !== undefined)
                this._answered(frame);
            else if (typeof frame.pipe === 'string' && frame.pipe.startsWith('_answer_to_'))
                this._reported(frame);
            else if (!(frame.fromQueue && this._collect(frame)) && !this._hold(frame) && !this._isKnown(frame))
                this._message(frame);
            this._emit('frame', frame);
        }

        _parsed(frame) {
            if (this.options.raw)
                return frame.data;
            return frame.user_id === undefined || frame.fromQueue ? parsedFromSql(frame.data) : parsed(frame.data);
        }

        _toMessage(frame) {
            return {
                channel: frame.pipe === undefined ? 'msg' : frame.pipe,
                event: frame.event,
                data: this._parsed(frame),
                userId: frame.user_id,
                time: frame.message_send_time,
                isHistory: frame.fromQueue === true,
                isRecovered: false,
            };
        }

        _message(frame, isRecovered = false) {
            const message = this._toMessage(frame);
            message.isRecovered = isRecovered;
            if (frame.epoch !== undefined)
                this._positions.set(frame.pipe, { epoch: frame.epoch, offset: frame.offset });
            for (const subscription of [...(this._channels.get(message.channel) || [])])
                if (subscription.isActive)
                    try {
                        subscription._deliver(message);
                    } catch (error) {
                        setTimeout(() => { throw error; }, 0);
                    }
            this._emit('message', message);
        }

        /* --- recovery ---------------------------------------------------------------------------------------------------- */

        /* Behind the list that subscribes to them: where are these channels now, and what was missed? */
        _recover() {
            if (!this.options.recover || !/^Encke/.test((this.serverInfo && this.serverInfo.server) || ''))
                return; /* CppComet closes connections that say what it does not know */
            for (const name of this._channels.keys()) {
                if (name === 'msg' || this._placed.has(name))
                    continue;
                const { epoch, offset } = this._positions.get(name) || { epoch: '', offset: '' };
                const marker = this._marker();
                this._placed.add(name);
                this._recovering.set(name, []);
                this._operations.push({
                    kind: 'recover', channel: name, texts: [], marker, isSent: true, turn: ++this._turn, found: [], hadPosition: epoch !== '',
                    resolve: () => {}, reject: () => this._release(name, []),
                });
                this._socket.send(`recover\n${name}\n${epoch}\n${offset}\n${marker}`);
            }
        }

        /* True: the frame waits for the answer about its channel. */
        _hold(frame) {
            const held = frame.epoch !== undefined && this._recovering.get(frame.pipe);
            if (held)
                held.push(frame);
            return Boolean(held);
        }

        /* A message may be in the answer and be on its way live as well, behind the answer. */
        _isKnown(frame) {
            const known = frame.epoch !== undefined && this._known.get(frame.pipe);
            if (!known)
                return false;
            if (frame.epoch !== known.epoch || frame.offset > known.offset) {
                this._known.delete(frame.pipe); /* the channel has gone past the answer */
                return false;
            }
            return known.positions.has(`${frame.epoch}/${frame.offset}`);
        }

        /* What was missed, then what was held, each once, in the order of the channel. */
        _release(name, missed, epoch) {
            const held = this._recovering.get(name) || [];
            this._recovering.delete(name);
            const known = new Set(missed.map((frame) => `${frame.epoch}/${frame.offset}`));
            const late = held.filter((frame) => !known.has(`${frame.epoch}/${frame.offset}`));
            const elder = missed.filter((frame) => frame.epoch !== epoch);
            const present = missed.filter((frame) => frame.epoch === epoch).concat(late).sort((a, b) => a.offset - b.offset);
            for (const frame of elder.concat(present))
                this._message(frame, missed.includes(frame));
        }

        _recovered(operation, { epoch, offset, recovered }) {
            const name = operation.channel;
            this._release(name, operation.hadPosition ? operation.found : [], epoch);
            if (operation.hadPosition && operation.found.length > 0)
                this._known.set(name, { epoch, offset, positions: new Set(operation.found.map((f) => `${f.epoch}/${f.offset}`)) });
            if (Number(`0x${epoch}`) !== 0) {
                const heard = this._positions.get(name);
                if (!heard || heard.epoch !== epoch || heard.offset < offset)
                    this._positions.set(name, { epoch, offset });
            }
            if (operation.hadPosition)
                this._emit('recovered', { channel: name, recovered, count: operation.found.length });
        }

        /* --- operations -------------------------------------------------------------------------------------------------- */

        _operation(kind, channel, texts, marker) {
            if (this.state === 'closed')
                return Promise.reject(this._lastError || new Error('the client is closed'));
            if (this.state !== 'open' && this._operations.length >= this.options.maxWaiting)
                return Promise.reject(new Error(`${this.options.maxWaiting} commands wait for a connection already`));
            return new Promise((resolve, reject) => {
                const operation = { kind, channel, texts, marker, resolve, reject, isSent: false, found: [] };
                this._operations.push(operation);
                if (this.state === 'open')
                    this._send(operation);
            });
        }

        _send(operation) {
            if (this._listIsStale)
                this._sendList();
            operation.isSent = true;
            operation.turn = ++this._turn;
            operation.found = [];
            for (const text of operation.texts)
                this._socket.send(text);
        }

        _finish(operation) {
            this._operations.splice(this._operations.indexOf(operation), 1);
            return operation;
        }

        /* What was published on a connection that is gone may have arrived or not: to say so is all that can be done, unless the server
         * has said that it did nothing it has not reported. Questions are asked again. */
        _rejectSentPublications() {
            const isUndone = this._isUndone;
            this._isUndone = false;
            const lost = isUndone ? [] : this._operations.filter((operation) => operation.isSent && operation.kind === 'publish');
            this._operations = this._operations.filter((operation) => !lost.includes(operation) && operation.kind !== 'recover');
            for (const operation of this._operations)
                operation.isSent = false;
            for (const operation of lost)
                operation.reject(new Error(`the connection was lost before the report on ${operation.channel}; the message may have been delivered`));
        }

        _firstThat(fits) {
            return this._operations.find((operation) => operation.isSent && fits(operation));
        }

        _first(kind, channel) {
            return this._firstThat((operation) => operation.kind === kind && (channel === undefined || operation.channel === channel));
        }

        _reported(frame) {
            const operation = this._first('publish', frame.pipe.slice('_answer_to_'.length));
            if (operation)
                this._finish(operation).resolve({ reached: frame.data && frame.data.number_messages });
        }

        _answered(frame) {
            const operation = this._firstThat(({ marker }) => marker === frame.marker);
            if (!operation)
                return;
            this._finish(operation);
            if (operation.kind === 'recover')
                this._recovered(operation, frame.data);
            else if (operation.kind === 'history')
                operation.resolve(operation.found);
            else if (operation.kind === 'count')
                operation.resolve(Array.isArray(frame.data) ? frame.data[1] : frame.data.user_in_pipe); /* CppComet: ["user_in_pipe",1] */
            else if (operation.kind === 'userData')
                operation.resolve({ userId: frame.data.user_id, data: parsed(frame.data.user_data) });
            else
                operation.resolve(frame.data.map((one) => ({ userId: Number(one.user_id), uuid: one.uuid })));
        }

        /* A message of the history, or of the recovery, that was asked for first. */
        _collect(frame) {
            const [operation] = this._operations
                .filter(({ isSent, kind, channel }) => isSent && (kind === 'history' || kind === 'recover') && channel === frame.pipe)
                .sort((a, b) => a.turn - b.turn);
            if (operation)
                operation.found.push(operation.kind === 'history' ? this._toMessage(frame) : frame);
            return operation !== undefined;
        }

        _loggedIn(frame) {
            const operation = this._first('login');
            if (operation)
                this._finish(operation).resolve(frame.data.authorized === true);
        }

        /* An error frame names no command: its text tells the kind. A refusal of a publication comes at once and overtakes the
         * reports of earlier ones, so the channel must fit as well; questions are answered in their order. */
        _refused(text) {
            if (/webauth_/.test(text))
                return this._firstThat(({ kind, channel }) => kind === 'publish' && channel.startsWith('webauth_'));
            if (/^\[pipe_count\]|pipe name\.$/.test(text))
                return this._first('count');
            if (/^login|^This connection belongs/.test(text))
                return this._first('login');
            if (/^\[track_pipe_users\]/.test(text))
                return this._first('presence');
            if (/^The history|^Invalid (channel name|marker value)\./.test(text))
                return this._first('history');
            if (/^You may not (read|hear)/.test(text))
                return this._first(/hear/.test(text) ? 'recover' : 'userData');
            return this._first('publish') || this._firstThat(() => true);
        }

        _failed(frame) {
            const data = parsed(frame.data) || {};
            const error = new ServerError(String(data.error || 'the server reports an error'), data);
            const operation = data.code === undefined ? this._refused(error.message) : undefined; /* with a code: of the list */
            if (operation)
                this._finish(operation).reject(error);
            else
                this._emit('error', error);
        }

        /* --- what pages call --------------------------------------------------------------------------------------------- */

        subscribe(channel, callback) {
            checkChannel(channel);
            if (this.state === 'closed')
                throw new Error('the client is closed');
            const subscription = new Subscription(this, channel, callback);
            if (!this._channels.has(channel)) {
                this._channels.set(channel, new Set());
                this._changed();
            }
            this._channels.get(channel).add(subscription);
            return subscription;
        }

        _forget(subscription) {
            const subscriptions = this._channels.get(subscription.channel);
            if (!subscriptions || !subscriptions.delete(subscription) || subscriptions.size > 0)
                return;
            this._channels.delete(subscription.channel);
            this._positions.delete(subscription.channel);
            this._placed.delete(subscription.channel);
            this._changed();
        }

        /* Several changes in one go of the page make one command, sent before any command that follows them. */
        _changed() {
            if (this._listIsStale)
                return;
            this._listIsStale = true;
            Promise.resolve().then(() => { if (this._listIsStale && this.state === 'open') this._sendList(); });
        }

        _sendList() {
            this._listIsStale = false;
            this._socket.send(['subscription', ...[...this._channels.keys()].filter((name) => name !== 'msg')].join('\n'));
            this._recover();
        }

        /* Resolves with { reached }: to how many connections the message is on its way, this one left out. */
        publish(channel, data, { event = '' } = {}) {
            try {
                if (!PUBLISHABLE.test(channel))
                    throw new TypeError(`browsers publish to channels that begin web_, unlike ${JSON.stringify(channel)}`);
                checkChannel(channel.replace(/^@/, ''));
                if (!EVENT.test(event))
                    throw new TypeError('the name of an event has up to 64 characters of A-Z a-z 0-9 _ -');
                const text = JSON.stringify(data === undefined ? null : data);
                return this._operation('publish', channel.replace(/^@/, ''), [`web_pipe2\n${channel}\n${event}\n*\n${text}`]);
            } catch (error) {
                return Promise.reject(error);
            }
        }

        _marker() {
            return `e${++this._markers}_${Math.floor(this.options.random() * 1e9)}`;
        }

        _ask(kind, channel, texts) {
            try {
                checkChannel(channel);
                const marker = this._marker();
                return this._operation(kind, channel, texts(marker), marker);
            } catch (error) {
                return Promise.reject(error);
            }
        }

        /* The messages the channel remembers, oldest first; with `limit` the newest so many. */
        history(channel, { limit } = {}) {
            const answer = this._ask('history', channel, (marker) =>
                [`pipe_log\n${channel}\n${marker}\n`, `pipe_count\n${END_OF_HISTORY}\n${marker}\n`]);
            return limit > 0 ? answer.then((messages) => messages.slice(-limit)) : answer;
        }

        /* Who subscribes to a track_ channel: [{ userId, uuid }]. */
        presence(channel) {
            return this._ask('presence', channel, (marker) => [`track_pipe_users\n${channel}\n${marker}`]);
        }

        /* What the application has stored about a user: { userId, data }. */
        userData(userId) {
            const marker = this._marker();
            return this._operation('userData', undefined, [`user_data\n${marker}\n${Number(userId)}`], marker);
        }

        /* How many connections subscribe to a web_ or track_ channel. */
        count(channel) {
            return this._ask('count', channel, (marker) => [`pipe_count\n${channel}\n${marker}\n`]);
        }
    }

    function connect(options) {
        return new Client(typeof options === 'string' || options === undefined ? { url: options } : options);
    }

    globalThis.Encke = { connect, Client, Subscription, ServerError, parsedFromSql, version: VERSION };
})();
