/* The calls of CppComet's browser library, over Encke's client: a page changes the address of its script and nothing else.
 *
 *   <script src="/js/comet.js"></script>
 *   <script>
 *     cometApi.start({ node: 'example.com:8087', dev_id: 0 });
 *     cometApi.subscription('web_chat.hello', (e) => console.log(e.data, e.server_info));
 *     cometApi.web_pipe_send('web_chat', 'hello', { text: 'hi' });
 *   </script>
 *
 * Callbacks get { data, server_info: { pipe, event, user_id, marker, history, time } }. A name is "channel" or "channel.event";
 * "msg" stands for personal messages; "#web_x" for the delivery reports of web_x; a list of names may be given as an array or
 * as text with line breaks.
 */
(function () {
    'use strict';

    const NAME = /^[A-Za-z0-9_-]{2,64}$/;
    const RESEND_MS = 1000; /* between the three copies that multi_web_pipe_send sends */

    const waitingForCore = [];

    function whenCore(action) {
        if (globalThis.Encke)
            action();
        else
            waitingForCore.push(action);
    }

    function loadCore() {
        const here = globalThis.document && globalThis.document.currentScript;
        if (globalThis.Encke || !here)
            return; /* in Node, import encke.js first */
        const script = globalThis.document.createElement('script');
        script.src = new URL('encke.global.js', here.src).href;
        script.onload = () => waitingForCore.splice(0).forEach((action) => action());
        globalThis.document.head.append(script);
    }

    /* "web_chat.hello" -> { channel: 'web_chat', event: 'hello' }; with more than one dot the name is taken as it is. */
    function split(name) {
        const parts = String(name).trim().split('.');
        return parts.length === 2 ? { channel: parts[0], event: parts[1] } : { channel: String(name).trim(), event: undefined };
    }

    function namesOf(given) {
        return (Array.isArray(given) ? given : String(given).split('\n')).map((name) => String(name).trim()).filter(Boolean);
    }

    /* The local signal a name stands for. */
    function signalOf(name) {
        return name.startsWith('#') ? '_answer_to_' + name.slice(1) : name;
    }

    /* A mistake of the page, or a refusal: no callback is made for it, so it is shown. */
    function complain(error) {
        console.error(`cometApi: ${error.message}`);
    }

    class Comet {
        constructor(options) {
            this.options = {};
            this.client = null;
            this.listeners = new Map(); /* signal -> Set of callbacks */
            this.held = new Map(); /* channel -> { subscription, uses } */
            this.seen = new Set(); /* ids of messages that are sent several times */
            this.authorized = undefined; /* until the server has said */
            this.isWanted = false; /* start() was called, stop() was not */
            this.earlier = []; /* commands given before start() */
            if (options)
                this.start(options);
        }

        /* --- life -------------------------------------------------------------------------------------------------------- */

        start(options, callback) {
            this.options = Object.assign({}, this.options, options);
            if (callback)
                this.onAuth(callback);
            this.isWanted = true;
            whenCore(() => { if (this.isWanted) this._connect(); });
            return this;
        }

        _connect() {
            const o = this.options;
            if (this.client)
                this.client.close();
            this.client = globalThis.Encke.connect({
                url: Array.isArray(o.node) ? o.node[0] : o.node,
                app: o.dev_id || 0,
                userId: o.user_id || 0,
                session: o.user_key || '',
                uuid: o.uuid,
                recover: o.recover === true, /* CppComet's pages do not expect to hear what they missed */
                WebSocket: o.WebSocket,
            });
            this.client.on('frame', (frame) => this._frame(frame));
            this.client.on('error', complain);
            for (const channel of this.held.keys())
                this.held.get(channel).subscription = this.client.subscribe(channel);
            for (const command of this.earlier.splice(0))
                command();
        }

        stop() {
            this.isWanted = false;
            if (this.client)
                this.client.close();
            this.client = null;
        }

        restart(options, callback) {
            return this.start(options || {}, callback);
        }

        _whenStarted(command) {
            if (this.client)
                command();
            else
                this.earlier.push(command);
        }

        isMaster() {
            return true; /* each page has its own connection */
        }

        isAuthorized() {
            return this.authorized === true;
        }

        getUserKey() {
            return this.options.user_key;
        }

        getRealUserKey() {
            return this.realUserKey;
        }

        getUserId() {
            return this.options.user_id;
        }

        getUUID() {
            return this.client ? this.client.uuid : this.options.uuid;
        }

        onAuthSuccess(callback) {
            this._on('_comet_auth_ok', callback);
            if (this.authorized === true)
                callback();
        }

        /* The name is spelled as pages have it. */
        onAuthFalill(callback) {
            this._on('_comet_auth_no', callback);
            if (this.authorized === false)
                callback();
        }

        onAuth(callback) {
            this.onAuthSuccess(callback);
            this.onAuthFalill(callback);
        }

        /* --- signals ----------------------------------------------------------------------------------------------------- */

        _on(signal, callback) {
            if (!this.listeners.has(signal))
                this.listeners.set(signal, new Set());
            this.listeners.get(signal).add(callback);
        }

        _off(signal, callback) {
            const callbacks = this.listeners.get(signal);
            if (!callbacks)
                return 0;
            if (callback === undefined)
                callbacks.clear();
            else
                callbacks.delete(callback);
            if (callbacks.size === 0)
                this.listeners.delete(signal);
            return callbacks.size;
        }

        _fire(signal, event) {
            for (const callback of [...(this.listeners.get(signal) || [])])
                try {
                    callback(event);
                } catch (error) {
                    setTimeout(() => { throw error; }, 0);
                }
        }

        _frame(frame) {
            if (frame.pipe === 'sys' && frame.event === 'serverInfo') {
                this.authorized = frame.authorized === true || frame.authorized === 'true';
                this.realUserKey = frame.data;
                this._fire(this.authorized ? '_comet_auth_ok' : '_comet_auth_no', frame);
            }
            const data = globalThis.Encke.parsedFromSql(frame.data);
            if (this._isRepeated(data))
                return;
            const pipe = frame.pipe === undefined ? 'msg' : frame.pipe;
            const event = {
                data,
                server_info: {
                    pipe,
                    event: frame.event,
                    user_id: frame.user_id,
                    marker: frame.marker,
                    history: frame.history === true,
                    time: frame.message_send_time,
                },
            };
            this._fire(pipe, event);
            if (frame.event !== undefined && frame.event !== '')
                this._fire(pipe + '.' + frame.event, event);
            if (frame.marker !== undefined)
                this._fire('marker ' + frame.marker, event);
            this._fire('comet_server_msg', event);
        }

        /* multi_web_pipe_send repeats itself; whoever listens hears it once. */
        _isRepeated(data) {
            const id = data && typeof data === 'object' ? data._cometApi_uuid : undefined;
            if (id === undefined)
                return false;
            if (this.seen.has(id))
                return true;
            this.seen.add(id);
            if (this.seen.size > 1000)
                this.seen.delete(this.seen.values().next().value);
            return false;
        }

        /* --- channels ---------------------------------------------------------------------------------------------------- */

        subscription(names, callback) {
            for (const name of namesOf(names)) {
                const { channel } = split(name);
                if (callback)
                    this._on(signalOf(name), callback);
                if (!name.startsWith('#') && !name.startsWith('_') && channel !== 'msg')
                    this._hold(channel);
            }
            return this;
        }

        subscript(names, callback) {
            return this.subscription(names, callback);
        }

        unsubscription(names, callback) {
            for (const name of namesOf(names)) {
                this._off(signalOf(name), callback);
                this._release(split(name).channel);
            }
            return this;
        }

        _hold(channel) {
            if (!NAME.test(channel))
                complain(new TypeError(`no channel can have the name ${JSON.stringify(channel)}`));
            else if (!this.held.has(channel))
                this.held.set(channel, { subscription: this.client && this.client.subscribe(channel) });
        }

        _release(channel) {
            for (const signal of this.listeners.keys())
                if (signal === channel || signal.startsWith(channel + '.'))
                    return;
            const held = this.held.get(channel);
            this.held.delete(channel);
            if (held && held.subscription)
                held.subscription.unsubscribe();
        }

        isSubscription(name) {
            return this.held.has(split(name).channel);
        }

        /* web_pipe_send('web_x.event', message) or web_pipe_send('web_x', 'event', message). */
        web_pipe_send(name, event, message) {
            const target = split(name);
            const [realEvent, text] = message === undefined && target.event !== undefined ? [target.event, event]
                : message === undefined ? [undefined, event] : [event, message];
            this._whenStarted(() => {
                this.client.publish(target.channel, text, { event: realEvent === undefined ? 'undefined' : String(realEvent) })
                    .catch(complain);
            });
            return true;
        }

        multi_web_pipe_send(name, event, message) {
            const target = split(name);
            const [realEvent, text] = message === undefined && target.event !== undefined ? [target.event, event] : [event, message];
            const copy = Object.assign({}, text, { _cometApi_uuid: Math.random().toString(36).slice(2) + Date.now() });
            for (let i = 0; i < 3; i++)
                setTimeout(() => this.web_pipe_send(target.channel, realEvent, copy), i * RESEND_MS);
            return true;
        }

        /* --- questions --------------------------------------------------------------------------------------------------- */

        get_pipe_log(name, callback) {
            if (callback)
                this.subscription(name, callback);
            const { channel } = split(name);
            this._whenStarted(() => { this.client.history(channel).catch(complain); });
            return true;
        }

        _answer(question, marker, shape, callback) {
            this._whenStarted(() => {
                question().then((data) => {
                    if (callback)
                        callback({ data: shape(data), server_info: { marker } });
                }, complain);
            });
            return true;
        }

        count_users_in_pipe(name, callback) {
            return this._answer(() => this.client.count(split(name).channel), undefined,
                                (count) => ({ user_in_pipe: count }), callback);
        }

        getTrackPipeUsers(name, callback) {
            return this._answer(() => this.client.presence(split(name).channel), undefined,
                                (members) => members.map((one) => ({ user_id: one.userId, uuid: one.uuid })), callback);
        }

        getUserData(userId, callback) {
            return this._answer(() => this.client.userData(userId), undefined, ({ userId: id, data }) => ({ user_id: id, user_data: data }), callback);
        }
    }

    /* Pages write `new CometServer()` for a connection of their own, and CometServer() for the one that cometApi is. */
    function CometServer(options) {
        return new.target ? new Comet(options) : globalThis.cometApi;
    }
    CometServer.prototype = Comet.prototype;

    loadCore();
    globalThis.CometServer = CometServer;
    globalThis.cometApi = new CometServer();
})();
