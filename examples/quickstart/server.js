// The backend of a chat for two: it signs channel joins and publishes events with the ordinary Pusher SDK.
// Start Fanfare (`npm start`), then this (`node examples/quickstart/server.js`), and open the address it prints twice.
// With AUTH=fanfare it signs no joins: the page takes the token of the login to Fanfare's own /broadcasting/auth.
// From webhooks it knows when people were last seen, where Fanfare is started with
// FANFARE_APP_WEBHOOKS='[{"url":"http://127.0.0.1:3000/webhooks","events":["member_removed","connection_closed"]}]'
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import formbody from '@fastify/formbody';
import { fastify } from 'fastify';
import { jwtVerify, SignJWT } from 'jose';
import Pusher from 'pusher';

const { PUSHER_APP_ID = 'app-id', PUSHER_APP_KEY = 'app-key', PUSHER_APP_SECRET = 'app-secret' } = process.env;
const { PUSHER_HOST = '127.0.0.1', PUSHER_PORT = '8080', PORT = '3000' } = process.env;
const { AUTH = 'own', TOKEN_SECRET = 'fanfare-development-token-secret!' } = process.env;

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
const names = new Map(); // of everybody who logged in, by id
const lastSeen = new Map();
const tokenKey = new TextEncoder().encode(TOKEN_SECRET);

const app = fastify();
await app.register(formbody); // pusher-js sends forms to the auth endpoint
const page = readFileSync(new URL('index.html', import.meta.url));
const client = readFileSync(new URL(import.meta.resolve('pusher-js/dist/web/pusher.min.js')));
app.get('/', (_request, reply) => reply.type('text/html').send(page));
app.get('/pusher.js', (_request, reply) => reply.type('text/javascript').send(client));
const ofFanfare = `http://${PUSHER_HOST}:${PUSHER_PORT}/broadcasting`;
const endpoints =
  AUTH === 'fanfare'
    ? { authEndpoint: `${ofFanfare}/auth`, userEndpoint: `${ofFanfare}/user-auth` }
    : { authEndpoint: '/pusher/auth', userEndpoint: '/pusher/user-auth' };
app.get('/config.json', () => ({
  key: PUSHER_APP_KEY,
  wsHost: PUSHER_HOST,
  wsPort: Number(PUSHER_PORT),
  channel: CHANNEL,
  ...endpoints,
}));
app.get('/last-seen', () => [...lastSeen.values()]);

app.post('/login', async ({ body: { firstName = '', lastName = '' } }) => {
  const user = { id: randomUUID(), firstName, lastName };
  names.set(user.id, `${firstName} ${lastName}`.trim());
  const claims = new SignJWT({ firstName, lastName }).setSubject(user.id).setExpirationTime('8h');
  return { token: await claims.setProtectedHeader({ alg: 'HS256' }).sign(tokenKey), user };
});

app.addHook('preHandler', async (request, reply) => {
  if (request.method !== 'POST' || ['/login', '/webhooks'].includes(request.url)) return;
  try {
    const { payload } = await jwtVerify(request.headers.authorization?.replace('Bearer ', '') ?? '', tokenKey);
    request.user = { id: payload.sub, firstName: payload.firstName, lastName: payload.lastName };
  } catch {
    reply.code(401).send({ error: 'log in first' });
  }
});

if (AUTH === 'own') {
  app.post('/pusher/auth', async ({ body: { socket_id, channel_name }, user }, reply) => {
    if (channel_name !== CHANNEL) return reply.code(403).send({ error: 'not your chat' });
    return pusher.authorizeChannel(socket_id, channel_name, { user_id: user.id, user_info: user });
  });
  app.post('/pusher/user-auth', ({ body: { socket_id }, user }) =>
    pusher.authenticateUser(socket_id, { id: user.id, user_info: user }),
  );
}

app.register(async (signed) => {
  // The signature is of the very bytes, before they are parsed.
  signed.removeContentTypeParser('application/json');
  signed.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => done(null, text));
  signed.post('/webhooks', async ({ headers, body: rawBody }, reply) => {
    const webhook = pusher.webhook({ headers, rawBody });
    if (!webhook.isValid()) return reply.code(401).send({ error: 'not signed by Fanfare' });
    for (const { user_id: id } of webhook.getEvents()) {
      if (!names.has(id)) continue;
      lastSeen.set(id, { id, name: names.get(id), at: webhook.getTime() });
      await pusher.trigger(CHANNEL, 'LastSeen', lastSeen.get(id));
    }
    return {};
  });
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
