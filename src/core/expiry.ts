// Grants that end: when the time has come, the connection leaves the channel and stays connected.
import { failures } from '../protocol/errors.ts';
import { alarm } from './alarm.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import { expel } from './leave.ts';
import type { Subscription } from './subscription.ts';

/**
 * Makes a subscription end with its grant, in turn with the connection's messages. Called again with a new grant, whose
 * end replaces the old one.
 * @param endsAtMs since 1970; undefined: it does not end
 */
export function endWithGrant(
  context: Context,
  connection: Connection,
  channel: string,
  subscription: Subscription,
  endsAtMs: number | undefined,
): void {
  subscription.callOffEnd();
  if (endsAtMs === undefined) return;
  const callOff = alarm(endsAtMs, () => {
    connection.perform(async () => {
      // Not when it was left or renewed while this waited in the mailbox.
      if (subscription.endAlarm === callOff) await expel(context, connection, failures.grantExpired(channel));
    });
  });
  subscription.endAlarm = callOff;
}
