// The client's side of the protocol, as far as a listener needs it: frames to send, and what a frame received says.
import { z } from 'zod';
import { channelKind } from '../protocol/channel-name.ts';
import { readJson } from '../protocol/json.ts';
import { channelText, sign } from '../protocol/signature.ts';

export interface ReceivedFrame {
  readonly event: string;
  readonly channel?: string | undefined;
  /** The text of `data`; what is not text, as JSON. */
  readonly data: string;
}

const frameSchema = z.object({ event: z.string(), channel: z.string().optional(), data: z.unknown().optional() });

/** Undefined when it is not a frame of the protocol. */
export function parseFrame(text: string): ReceivedFrame | undefined {
  const parsed = frameSchema.safeParse(readJson(text));
  if (!parsed.success) return undefined;
  const { event, channel, data } = parsed.data;
  return { event, channel, data: typeof data === 'string' ? data : (JSON.stringify(data) ?? '') };
}

const establishedSchema = z.object({ socket_id: z.string(), activity_timeout: z.number().catch(120) });

/** The `data` of pusher:connection_established. */
export function parseEstablished(data: string): { socketId: string; activityTimeoutSeconds: number } | undefined {
  const { data: parsed } = establishedSchema.safeParse(readJson(data));
  if (parsed === undefined) return undefined;
  return { socketId: parsed.socket_id, activityTimeoutSeconds: parsed.activity_timeout };
}

const errorSchema = z.object({ code: z.number().nullish(), message: z.string().catch('') });

/** The `data` of pusher:error, an object or the text of one. */
export function parseError(data: string): { code: number | undefined; message: string } {
  const { data: parsed } = errorSchema.safeParse(readJson(data));
  return { code: parsed?.code ?? undefined, message: parsed?.message ?? data };
}

const refusalSchema = z.object({ error: z.string(), status: z.union([z.number(), z.string()]).optional() });

/** What pusher:subscription_error says, in words. */
export function parseRefusal(data: string): string {
  const { data: parsed } = refusalSchema.safeParse(readJson(data));
  if (parsed === undefined) return data;
  return parsed.status === undefined ? parsed.error : `${parsed.error} (${parsed.status})`;
}

export const pingFrame = JSON.stringify({ event: 'pusher:ping', data: {} });
export const pongFrame = JSON.stringify({ event: 'pusher:pong', data: {} });

/** Who the listener is on presence channels. */
export interface Member {
  readonly userId: string;
  readonly userInfo?: unknown;
}

export interface SubscribeOptions {
  readonly channel: string;
  readonly socketId: string;
  readonly key: string;
  /** Needed for guarded channels. */
  readonly secret: string | undefined;
  /** Needed for presence channels. */
  readonly member: Member | undefined;
}

/** A subscribe frame, signed here where the channel asks for it: nobody's backend is involved. */
export function subscribeFrame({ channel, socketId, key, secret, member }: SubscribeOptions): string {
  const kind = channelKind(channel);
  if (!kind.guarded || secret === undefined) return JSON.stringify({ event: 'pusher:subscribe', data: { channel } });
  const channelData =
    kind.presence && member !== undefined
      ? JSON.stringify({ user_id: member.userId, user_info: member.userInfo })
      : undefined;
  const auth = sign({ key, secret }, channelText(socketId, channel, channelData));
  return JSON.stringify({ event: 'pusher:subscribe', data: { channel, auth, channel_data: channelData } });
}
