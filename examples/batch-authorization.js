// One authorization request for all channels instead of one each: after a reconnect pusher-js asks for forty channels
// forty times. This collects what is asked in one turn of the event loop, asks Fanfare once, and hands out the answers.
//
//   const headers = () => ({ Authorization: `Bearer ${token}` });
//   new Pusher(key, { …, channelAuthorization: { customHandler: batchAuthorization(url, { headers }) } })

/**
 * @param {string} endpoint such as https://ws.example.com/broadcasting/auth
 * @param {{ headers?: () => Record<string, string>, credentials?: RequestCredentials }} options `headers` is asked
 *   before each request, so that a fresh token is used; `credentials: 'include'` sends cookies to another origin
 */
export function batchAuthorization(endpoint, { headers = () => ({}), credentials = 'same-origin' } = {}) {
  const asked = new Map(); // socket id → requests; one socket, but for a moment after a reconnect

  async function ask(batch) {
    const [{ socketId }] = batch;
    const body = new URLSearchParams({ socket_id: socketId });
    for (const { channelName } of batch) body.append('channel_name[]', channelName);
    const response = await fetch(endpoint, { method: 'POST', headers: headers(), body, credentials });
    const answers = await response.json();
    return ({ channelName }) => (response.ok ? answers[channelName] : answers);
  }

  async function answer(batch) {
    const answerOf = await ask(batch).catch((error) => () => ({ error: error.message }));
    for (const request of batch) {
      const { error, ...grant } = answerOf(request) ?? { error: 'not answered' };
      request.callback(error === undefined ? null : new Error(error), error === undefined ? grant : null);
    }
  }

  return ({ socketId, channelName }, callback) => {
    const request = { socketId, channelName, callback };
    if (asked.has(socketId)) {
      asked.get(socketId).push(request);
      return;
    }
    asked.set(socketId, [request]);
    setTimeout(() => {
      const requests = asked.get(socketId);
      asked.delete(socketId);
      for (let from = 0; from < requests.length; from += 100) void answer(requests.slice(from, from + 100));
    });
  };
}
