// What the application answered about a user: its own fields, or those of the grant that Pusher's SDKs and Laravel
// answer with. Pure.
import { z } from 'zod';
import { readJson } from '../protocol/json.ts';
import { type Claims, earlier } from './claims.ts';

export interface UpstreamAnswer {
  /** The fields of the answer, without the application's own grant; `user_id` as text. */
  readonly claims: Claims;
  readonly userId: string | undefined;
  /** undefined: none is given. */
  readonly userInfo: unknown;
  readonly watchlist: readonly unknown[] | undefined;
  /** `exp`, Unix seconds from which the answer does not hold any more: the earliest that is given. */
  readonly expiresAt: number | undefined;
}

const NOBODY: UpstreamAnswer = {
  claims: {},
  userId: undefined,
  userInfo: undefined,
  watchlist: undefined,
  expiresAt: undefined,
};

/** As in a token (RFC 7519 §4.1.4). */
const exp = z.number().positive().transform(Math.floor).nullish();
const id = z.union([z.string().min(1), z.number()]).transform(String);
/** JSON in JSON, as clients forward it; Laravel's Redis broadcaster has the object itself. */
const embedded = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (typeof value === 'string' ? (readJson(value) ?? value) : value), schema.nullish());

const answerSchema = z.looseObject({
  user_id: id.nullish(),
  user_info: z.unknown().optional(),
  watchlist: z.array(z.unknown()).nullish(),
  exp,
  channel_data: embedded(z.object({ user_id: id.nullish(), user_info: z.unknown().optional(), exp })),
  user_data: embedded(
    z.object({ id: id.nullish(), user_info: z.unknown().optional(), watchlist: z.array(z.unknown()).nullish() }),
  ),
});

/** @returns undefined for what is neither empty, nor `true`, nor an object that can be understood. */
export function readAnswer(text: string): UpstreamAnswer | undefined {
  if (text.trim() === '') return NOBODY;
  const value = readJson(text);
  if (value === true) return NOBODY;
  const parsed = answerSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const { channel_data, user_data, auth: _, shared_secret: __, ...fields } = parsed.data;
  const userId = fields.user_id ?? channel_data?.user_id ?? user_data?.id ?? undefined;
  return {
    claims: userId === undefined ? fields : { ...fields, user_id: userId },
    userId,
    userInfo: fields.user_info ?? channel_data?.user_info ?? user_data?.user_info ?? undefined,
    watchlist: fields.watchlist ?? user_data?.watchlist ?? undefined,
    expiresAt: earlier(fields.exp ?? undefined, channel_data?.exp ?? undefined),
  };
}
