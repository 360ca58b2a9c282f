// One client message → one rule.
import { parseClientMessage } from '../protocol/client-message.ts';
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
