/* What a page written in TypeScript does with the client; checked, not run. */
import Encke, { connect, Client, Message, ServerError } from '../../../client/js/encke.js';

interface Order { id: number }

const client: Client = connect({ url: 'ws://localhost:8087', app: 3 });
const off: () => void = client.on('reconnecting', ({ delay, attempt }) => console.log(delay.toFixed(1), attempt));
client.on('error', (error) => console.log(error instanceof ServerError ? error.code : error.message));

const subscription = client.subscribe<Order>('web_orders', (message: Message<Order>) => console.log(message.data.id));

async function use(): Promise<void> {
    await client.ready();
    const { reached } = await client.publish('web_orders', { id: 1 }, { event: 'new' });
    const messages: Message<Order>[] = await client.history<Order>('web_orders', { limit: 10 });
    const uuids: string[] = (await client.presence('track_x')).map((member) => member.uuid);
    const total: number = reached + messages.length + uuids.length + (await client.count('web_orders'));
    for await (const message of client.subscribe<Order>('web_orders'))
        console.log(message.data.id, total);
    subscription.unsubscribe();
    off();
    client.close();
}

// @ts-expect-error a channel is a text
client.subscribe(5);
// @ts-expect-error there is no such event
client.on('openned', () => {});

export const version: string = Encke.version;
export { use };
