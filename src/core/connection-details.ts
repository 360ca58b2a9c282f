// One open connection as operators see it.
import { z } from 'zod';
import type { Connection } from './connection.ts';

export const connectionDetailsSchema = z.object({
  socketId: z.string(),
  nodeId: z.string().describe('The node that holds it; see the list of nodes.'),
  userId: z.string().nullable().describe('Who signed in.'),
  channels: z
    .array(z.object({ name: z.string(), userId: z.string().nullable() }))
    .describe('What it is subscribed to, and as whom where it joined as somebody.'),
  address: z.string().nullable().describe('The IP address of the peer: the proxy’s, behind one.'),
  forwardedFor: z
    .string()
    .nullable()
    .describe('X-Forwarded-For as it came: anybody can write anything there, unless a proxy makes it.'),
  connectedAt: z.string().describe('ISO 8601.'),
  bytesReceived: z.number(),
  bytesSent: z.number(),
  bytesBuffered: z.number().describe('Written, and not yet taken by the network.'),
});

export type ConnectionDetails = Readonly<z.infer<typeof connectionDetailsSchema>>;

export function detailsOf(connection: Connection, nodeId: string): ConnectionDetails {
  const { socketId, user, subscriptions, openedAtMs, peer, unsentBytes } = connection;
  const channels = [...subscriptions].map(([name, { userId }]) => ({ name, userId: userId ?? null }));
  return {
    socketId,
    nodeId,
    userId: user?.id ?? null,
    channels,
    address: peer.address ?? null,
    forwardedFor: peer.forwardedFor ?? null,
    connectedAt: new Date(Date.now() - (performance.now() - openedAtMs)).toISOString(),
    bytesReceived: peer.bytesReceived,
    bytesSent: peer.bytesSent,
    bytesBuffered: unsentBytes,
  };
}
