// One client message → one rule.
import { type ClientMessage, parseClientMessage } from '../protocol/client-message.ts';
import { isUnavailable, tryAgain } from '../protocol/errors.ts';
import { pong } from '../protocol/server-message.ts';
import { relayClientEvent } from './client-events.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import { leave } from './leave.ts';
import { subscribe } from './subscriptions.ts';
import { signIn } from './users.ts';

/** @throws ProtocolError as the rules do, and 4200 for what is no message. */
export async function handleMessage(context: Context, connection: Connection, text: string): Promise<void> {
  const message = parseClientMessage(text);
  try {
    await handle(context, connection, message);
  } catch (err) {
    if (!isUnavailable(err)) throw err;
    // Clients join and sign in once a connection.
    if (message.type === 'subscribe' || message.type === 'signin') connection.missesSomething = true;
    throw tryAgain(err.message, message.type === 'subscribe' ? message.channel : undefined);
  }
}

async function handle(context: Context, connection: Connection, message: ClientMessage): Promise<void> {
  switch (message.type) {
    case 'ping':
      connection.send(pong);
      return;
    case 'pong':
    case 'ignored':
      return;
    case 'subscribe':
      return await subscribe(context, connection, message);
    case 'unsubscribe':
      return await leave(context, connection, message.channel);
    case 'signin':
      return await signIn(context, connection, message);
    case 'client-event':
      return await relayClientEvent(context, connection, message);
    default:
      return message satisfies never;
  }
}
