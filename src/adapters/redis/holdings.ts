// The text of a holding in its node's register in Redis: enough for another node to let go of it; pure.
import { readJson } from '../../protocol/json.ts';
import type { Holding } from '../holdings.ts';

/** The app is not in it, as every app has its own register. */
export function writeHolding(holding: Holding): string {
  const { type, socketId } = holding;
  switch (type) {
    case 'connection':
      return JSON.stringify([type, socketId]);
    case 'subscription':
      return JSON.stringify([type, socketId, holding.channel, holding.member?.userId]);
    case 'sign-in':
      return JSON.stringify([type, socketId, holding.userId]);
    default:
      return holding satisfies never;
  }
}

/** @returns undefined for what `writeHolding` did not write. */
export function readHolding(appId: string, text: string): Holding | undefined {
  const parts = readJson(text);
  if (!Array.isArray(parts)) return undefined;
  const [type, socketId, name, userId] = parts as unknown[];
  if (typeof socketId !== 'string') return undefined;
  if (type === 'connection') return { type, appId, socketId };
  if (typeof name !== 'string') return undefined;
  if (type === 'sign-in') return { type, appId, socketId, userId: name };
  if (type !== 'subscription') return undefined;
  return { type, appId, socketId, channel: name, member: typeof userId === 'string' ? { userId } : undefined };
}
