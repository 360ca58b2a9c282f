// A connection comes: its id, its app's quota, its first frame. And goes: it leaves everything.
import { randomFillSync } from 'node:crypto';
import { endings, isUnavailable } from '../protocol/errors.ts';
import { connectionEstablished } from '../protocol/server-message.ts';
import { makeSocketId, SOCKET_ID_BYTES } from '../protocol/socket-id.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Context } from './context.ts';
import { leaveAll } from './leave.ts';
import { signOut } from './users.ts';

/** Random bytes of many ids: asking for them costs more than they do. */
const random = Buffer.alloc(SOCKET_ID_BYTES * 512);
let used = random.length;

/** One that no connection of this node has. */
export function freshSocketId(taken: Connections): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  const socketId = makeSocketId(random.subarray(used, used + SOCKET_ID_BYTES));
  used += SOCKET_ID_BYTES;
  return taken.get(socketId) === undefined ? socketId : freshSocketId(taken);
}

/** The first item of every mailbox: the app's quota in the cluster, then the first frame. */
export async function establish(
  context: Context,
  connection: Connection,
  activityTimeoutSeconds: number,
): Promise<void> {
  const { app, socketId } = connection;
  const { admitted } = await admit(context, connection);
  if (admitted === undefined) {
    connection.end(endings.unavailable);
    return;
  }
  if (!admitted) {
    connection.end(endings.quota);
    return;
  }
  connection.established = true;
  connection.send(connectionEstablished(socketId, activityTimeoutSeconds));
  context.log.debug({ appId: app.id, socketId }, 'connection opened');
  context.facts.announce({ type: 'connection_opened', appId: app.id, socketId });
}

async function admit({ tracker }: Context, { app, socketId }: Connection): Promise<{ admitted: boolean | undefined }> {
  try {
    return await tracker.connect(app.id, socketId, app.limits.connections);
  } catch (err) {
    if (isUnavailable(err)) return { admitted: undefined };
    throw err;
  }
}

/** The last item of every mailbox. Whatever fails, the connection is forgotten. */
export async function depart(context: Context, connection: Connection): Promise<void> {
  const { app, socketId, established } = connection;
  const userId = connection.user?.id;
  const steps = [
    () => leaveAll(context, connection),
    () => signOut(context, connection),
    ...(established ? [() => context.tracker.disconnect(app.id, socketId)] : []),
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (err) {
      // The register makes up for it when Redis is back.
      if (isUnavailable(err)) continue;
      context.log.error({ err, appId: app.id, socketId }, 'a closed connection could not be forgotten everywhere');
    }
  }
  context.connections.remove(connection);
  context.log.debug({ appId: app.id, socketId }, 'connection closed');
  if (established) context.facts.announce({ type: 'connection_closed', appId: app.id, socketId, userId });
}
