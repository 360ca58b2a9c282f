// The practical limit: Bun's native publish (uWebSockets in C++) behind the fewest lines that speak Pusher's protocol to
// the load. It checks no signature, no name and no limit, and knows no presence and no client events. Run by Bun.
const established = (id) =>
  JSON.stringify({
    event: 'pusher:connection_established',
    data: JSON.stringify({ socket_id: `1.${id}`, activity_timeout: 120 }),
  });

let sockets = 0;

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith('/app/')) {
      return server.upgrade(request) ? undefined : new Response('Expected a WebSocket', { status: 426 });
    }
    const { name, channels, data } = await request.json();
    for (const channel of channels) server.publish(channel, JSON.stringify({ event: name, data, channel }));
    return Response.json({});
  },
  websocket: {
    open(socket) {
      sockets++;
      socket.send(established(sockets));
    },
    message(socket, text) {
      const { event, data } = JSON.parse(text);
      if (event !== 'pusher:subscribe') return;
      socket.subscribe(data.channel);
      socket.send(
        JSON.stringify({ event: 'pusher_internal:subscription_succeeded', data: '{}', channel: data.channel }),
      );
    },
  },
});

console.log(`listening on ${server.port}`);
