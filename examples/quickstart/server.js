// The backend of a chat for two: it signs channel joins and publishes events with the ordinary Pusher SDK.
// Start Fanfare (`npm start`), then this (`node examples/quickstart/server.js`), and open the address it prints twice.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import formbody from '@fastify/formbody';
import { fastify } from 'fastify';
import Pusher from 'pusher';

const { PUSHER_APP_ID = 'app-id', PUSHER_APP_KEY = 'app-key', PUSHER_APP_SECRET = 'app-secret' } = process.env;
const { PUSHER_HOST = '127.0.0.1', PUSHER_PORT = '8080', PORT = '3000' } = process.env;

const pusher = new Pusher({
  appId: PUSHER_APP_ID,
  key: PUSHER_APP_KEY,
  secret: PUSHER_APP_SECRET,
  host: PUSHER_HOST,
  port: PUSHER_PORT,
  useTLS: false,
});
const CHAT_ID = '1';
const CHANNEL = `presence-chat-${CHAT_ID}`;
const users = new Map(); // by token; a real application has sessions

const app = fastify();
await app.register(formbody); // pusher-js sends forms to the auth endpoint
const page = readFileSync(new URL('index.html', import.meta.url));
const client = readFileSync(new URL(import.meta.resolve('pusher-js/dist/web/pusher.min.js')));
app.get('/', (_request, reply) => reply.type('text/html').send(page));
app.get('/pusher.js', (_request, reply) => reply.type('text/javascript').send(client));
app.get('/config.json', () => ({
  key: PUSHER_APP_KEY,
  wsHost: PUSHER_HOST,
  wsPort: Number(PUSHER_PORT),
  channel: CHANNEL,
}));

app.post('/login', async ({ body: { firstName = '', lastName = '' } }) => {
  const token = randomUUID();
  const user = { id: randomUUID(), firstName, lastName };
  users.set(token, user);
  return { token, user };
});

app.addHook('preHandler', async (request, reply) => {
  request.user = users.get(request.headers.authorization?.replace('Bearer ', ''));
  if (request.method === 'POST' && request.url !== '/login' && !request.user)
    return reply.code(401).send({ error: 'log in first' });
});

app.post('/pusher/auth', async ({ body: { socket_id, channel_name }, user }, reply) => {
  if (channel_name !== CHANNEL) return reply.code(403).send({ error: 'not your chat' });
  return pusher.authorizeChannel(socket_id, channel_name, { user_id: user.id, user_info: user });
});

app.post('/messages', async ({ body: { content, tempId, socket_id }, user }) => {
  const message = {
    id: randomUUID(),
    chat_id: CHAT_ID,
    sender_id: user.id,
    sender_name: `${user.firstName} ${user.lastName}`.trim(),
    content,
    sent_at: new Date().toISOString(),
    status: 'sent',
  };
  await pusher.trigger(CHANNEL, 'MessageSent', { message, tempId }, { socket_id });
  return { message, tempId };
});

app.post('/read', async ({ body: { message_ids, socket_id }, user }) => {
  await pusher.trigger(
    CHANNEL,
    'MessagesRead',
    { conversation_id: CHAT_ID, reader_id: user.id, message_ids },
    { socket_id },
  );
  return {};
});

const address = await app.listen({ host: '127.0.0.1', port: Number(PORT) });
console.log(`Open ${address} in two windows and chat. Events go through Fanfare at ${PUSHER_HOST}:${PUSHER_PORT}.`);
