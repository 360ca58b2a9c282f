// fanfare trigger: sends one event to any Pusher-compatible server and prints what it answered.
import { isSocketId } from '../protocol/socket-id.ts';
import { type Command, type Edge, exitCodes, parseOptions, UsageError } from './command.ts';
import { networkReason } from './network.ts';
import { signedUrl } from './signed-request.ts';
import { requireParts, type Target, targetHelp, targetOf, targetOptions } from './target.ts';

const ANSWER_WITHIN_MS = 10_000;

export const trigger: Command = {
  help: `Usage: fanfare trigger CHANNEL EVENT DATA [options]

Sends an event to a channel, or to several separated by commas, of any
Pusher-compatible server. DATA is JSON or any text; - reads it from the standard
input. Exit code 1 when the server does not accept the event.

  fanfare trigger my-channel my-event '{"text":"hello"}'

Options:
  --socket-id ID     leave out the client with this socket id
${targetHelp}`,
  run: async (args, edge) => {
    const { values, positionals } = parseOptions(args, { ...targetOptions, 'socket-id': { type: 'string' } });
    const event = await eventOf(positionals, values['socket-id'], edge);
    return await send(targetOf(values, edge), event, edge);
  },
};

/** The body of POST /apps/{id}/events. `data` goes as it was given: clients parse it, and keep what is not JSON as text. */
async function eventOf(positionals: readonly string[], socketId: string | undefined, edge: Edge) {
  const [channels = '', name = '', data, extra] = positionals;
  if (data === undefined) throw new UsageError('CHANNEL, EVENT and DATA are needed');
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}": put DATA with spaces in quotes`);
  if (socketId !== undefined && !isSocketId(socketId)) {
    throw new UsageError(`--socket-id must be like 1234.5678, got "${socketId}"`);
  }
  return {
    name,
    channels: channels.split(',').filter((channel) => channel !== ''),
    data: data === '-' ? await edge.readInput() : data,
    ...(socketId === undefined ? {} : { socket_id: socketId }),
  };
}

async function send(target: Target, event: object, edge: Edge): Promise<number> {
  const { id, key, secret } = requireParts(target, 'id', 'key', 'secret');
  const body = JSON.stringify(event);
  const path = `/apps/${encodeURIComponent(id)}/events`;
  try {
    const response = await fetch(
      signedUrl({ key, secret, url: target.url, method: 'POST', path, body, nowMs: Date.now() }),
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      },
    );
    const answer = `${response.status} ${(await response.text()).trim()}`.trimEnd();
    if (response.status === 200) edge.out(answer);
    else edge.err(`fanfare: ${target.url} answered ${answer}`);
    return response.status === 200 ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    edge.err(`fanfare: cannot reach ${target.url}: ${networkReason(error)}`);
    return exitCodes.failed;
  }
}
