/* The demo page: a chat, a window on any channel, who is here, and the server's figures. */
import { connect } from '/js/encke.js';

const CHAT = 'web_demo_chat';
const TRACK = 'track_demo';
const KEPT = 200; /* lines a log keeps */
const FIGURES_MS = 2000;

const $ = (id) => document.getElementById(id);
const client = connect();

function element(name, className, ...children) {
    const made = document.createElement(name);
    if (className)
        made.className = className;
    made.append(...children);
    return made;
}

/* --- the state of the connection ------------------------------------------------------------------------------------------- */

function showState(text, className) {
    $('state').textContent = text;
    $('state').parentElement.className = `state ${className}`;
}

client.on('open', () => showState('connected', 'is-open'));
client.on('reconnecting', ({ attempt }) => showState(attempt > 1 ? `reconnecting, attempt ${attempt}` : 'reconnecting', ''));
client.on('close', ({ isFinal }) => { if (isFinal) showState('refused by the server', 'is-closed'); });

/* --- logs ------------------------------------------------------------------------------------------------------------------ */

const clock = (seconds) => (seconds ? new Date(seconds * 1000) : new Date()).toLocaleTimeString();

function add(log, item) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(item);
    while (log.children.length > KEPT)
        log.firstChild.remove();
    if (atEnd)
        log.scrollTop = log.scrollHeight;
}

/* --- chat ------------------------------------------------------------------------------------------------------------------ */

function remembered(key) {
    try {
        return localStorage.getItem(key) || '';
    } catch {
        return '';
    }
}

function remember(key, value) {
    try {
        localStorage.setItem(key, value);
    } catch { /* a private window: it is only a convenience */ }
}

function say(by, text, className = '') {
    const line = element('span', 'by', by);
    add($('chat-log'), element('li', className, line, element('span', 'bubble', text)));
    return line;
}

/* { name, text } comes from this page; whatever else, from SQL. */
client.subscribe(CHAT, ({ data, time, userId }) => {
    const isOurs = data && typeof data === 'object' && typeof data.text === 'string';
    const from = isOurs ? String(data.name || 'somebody') : userId === undefined ? 'a SQL client' : 'somebody';
    say(`${from}, ${clock(time)}`, isOurs ? data.text : typeof data === 'string' ? data : JSON.stringify(data));
});

$('chat-name').value = remembered('encke.demo.name');
$('chat-name').addEventListener('change', (event) => remember('encke.demo.name', event.target.value.trim()));

$('chat-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const text = $('chat-input').value.trim();
    const name = $('chat-name').value.trim() || `visitor ${client.uuid.slice(0, 4)}`;
    if (text === '')
        return;
    $('chat-input').value = '';
    const line = say(`you, ${clock()}`, text, 'mine');
    client.publish(CHAT, { name, text }).then(
        ({ reached }) => line.append(reached === 1 ? ' · 1 other has it' : ` · ${reached} others have it`),
        (error) => line.append(` · not sent: ${error.message}`));
});

/* --- watching a channel ---------------------------------------------------------------------------------------------------- */

let watched = null;

function pretty(data) {
    return typeof data === 'string' ? data : JSON.stringify(data, null, 2);
}

$('watch-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const channel = $('watch-input').value.trim();
    if (watched)
        watched.unsubscribe();
    $('watch-log').replaceChildren();
    watched = client.subscribe(channel, (message) => {
        const meta = element('div', 'meta', element('b', '', message.event || 'no event'), clock(message.time));
        add($('watch-log'), element('li', '', meta, element('div', 'data', pretty(message.data))));
    });
    add($('watch-log'), element('li', 'note', `Watching ${channel}.`));
});

/* --- presence -------------------------------------------------------------------------------------------------------------- */

let isAsking = false, mustAskAgain = false;

/* The events only say that something has changed: the list itself is what is shown. */
async function showPresence() {
    if (isAsking) {
        mustAskAgain = true;
        return;
    }
    isAsking = true;
    do {
        mustAskAgain = false;
        const members = await client.presence(TRACK).catch(() => []);
        $('presence-list').replaceChildren(...members.map(({ userId, uuid }) => {
            const isMe = uuid === client.uuid;
            return element('li', isMe ? 'me' : '', userId ? `user ${userId}` : uuid.slice(0, 6) || 'anonymous', isMe ? ' (you)' : '');
        }));
    } while (mustAskAgain);
    isAsking = false;
}

client.subscribe(TRACK, showPresence);
client.on('open', showPresence);

/* --- figures --------------------------------------------------------------------------------------------------------------- */

const count = (n) => (n === undefined ? '–' : Math.round(n).toLocaleString('en'));

function duration(seconds) {
    const units = [[86400, 'd'], [3600, 'h'], [60, 'min']];
    for (const [size, name] of units)
        if (seconds >= size)
            return `${Math.floor(seconds / size)} ${name}`;
    return `${seconds} s`;
}

function figures(status) {
    return [
        ['Version', status.version],
        ['Up for', duration(status.uptime_s)],
        ['Connections', count(status.connections)],
        ['Subscriptions', count(status.subscriptions)],
        ['Channels', count(status.channels)],
        ['Messages published', count(status.published)],
        ['Messages delivered', count(status.delivered)],
        ['Delivered per second', count(status.delivered_per_s)],
        ['Memory', status.memory_bytes ? `${(status.memory_bytes / 1048576).toFixed(1)} MB` : '–'],
        ['Shards', status.shards ? `${status.shards.length}: ${status.shards.map((one) => one.connections).join(' + ')}` : '–'],
    ];
}

async function showFigures() {
    try {
        const answer = await fetch('/api/status', { cache: 'no-store' });
        if (answer.ok)
            $('figures').replaceChildren(...figures(await answer.json()).flatMap(([name, value]) =>
                [element('dt', '', name), element('dd', '', String(value))]));
    } catch { /* the server is away; the state says so */ }
    setTimeout(showFigures, FIGURES_MS);
}

showFigures();

/* --- copying the statement ------------------------------------------------------------------------------------------------- */

$('sql-copy').addEventListener('click', async () => {
    const text = $('sql-text').textContent;
    try {
        await navigator.clipboard.writeText(text);
    } catch { /* no clipboard without https: select it instead */
        getSelection().selectAllChildren($('sql-text'));
        document.execCommand('copy');
    }
    $('sql-copy').textContent = 'Copied';
    setTimeout(() => { $('sql-copy').textContent = 'Copy'; }, 1500);
});
