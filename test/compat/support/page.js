// In the browser: one pusher-js connection, or one Echo, and what it went through. Driven by name from the tests.
const heard = [];
const waiting = [];
let pusher;
let echo;

function add(...entry) {
  heard.push(entry);
  for (const check of waiting.splice(0)) check();
}

/** The first entry that starts so; it is taken out. */
globalThis.next = async (...start) => {
  for (;;) {
    const index = heard.findIndex((entry) => start.every((value, at) => entry[at] === value));
    if (index >= 0) return heard.splice(index, 1)[0].slice(start.length);
    await new Promise((resolve) => waiting.push(resolve));
  }
};

globalThis.open = (key, options) => {
  pusher = new globalThis.Pusher(key, options);
  pusher.connection.bind('state_change', ({ current }) => add('state', current));
  pusher.connection.bind('error', (error) => add('error', error.data?.code ?? error.error?.data?.code));
  pusher.connection.bind('message', ({ event, channel }) => {
    if (event === 'pusher_internal:subscription_succeeded') add('subscribed', channel);
  });
};

globalThis.subscribe = (name) => {
  const channel = pusher.subscribe(name);
  channel.bind_global((event, data) => add(name, event, event.startsWith('pusher:') ? null : data));
};

globalThis.hear = (name, event) => {
  pusher.channel(name).bind(event, (data, metadata) => add('heard', event, data, metadata));
};

globalThis.members = (name) => {
  const { members } = pusher.channel(name);
  return { count: members.count, me: members.me, all: Object.keys(members.members) };
};

globalThis.send = (name, event, data) => pusher.channel(name).trigger(event, data);
globalThis.state = () => pusher.connection.state;
globalThis.signin = () => {
  pusher.user.bind_global((event, data) => add('user', event, data));
  pusher.signin();
};

globalThis.openEcho = (options) => {
  echo = new globalThis.Echo.default({ ...options, withoutInterceptors: true });
  echo.connector.pusher.connection.bind('state_change', ({ current }) => add('state', current));
};

globalThis.joinEcho = (name) => {
  echo
    .join(name)
    .here((users) => add('here', users))
    .joining((user) => add('joining', user))
    .leaving((user) => add('leaving', user))
    .listen('MessageSent', (data) => add('MessageSent', data))
    .listenForWhisper('typing', (data) => add('typing', data));
};

globalThis.whisper = (name, event, data) => echo.join(name).whisper(event, data);
