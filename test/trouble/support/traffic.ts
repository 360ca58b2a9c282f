// Two servers, a room with a socket on each, and traffic that goes on through whatever happens to Redis.
import { expect, vi } from 'vitest';
import { api, trigger } from '../../support/api.ts';
import { type Client, connect } from '../../support/client.ts';
import type { TestServer } from '../../support/server.ts';

export type Servers = readonly [TestServer, TestServer];

export const ROOM = 'presence-room';

/** One socket on each, members of a room. */
export async function joinRoom(servers: Servers): Promise<[Client, Client]> {
  const [one, two] = [await connect(servers[0]), await connect(servers[1])];
  await one.joined(ROOM, { user_id: '1' });
  await two.joined(ROOM, { user_id: '2' });
  await one.nextOf('pusher_internal:member_added');
  return [one, two];
}

export const isMessage = (message: string) => (line: Readonly<Record<string, unknown>>) => line.msg === message;
const ready = async ({ url }: TestServer) => (await fetch(`${url}/ready`)).status === 200;
export const bothReady = async (servers: Servers) =>
  await vi.waitUntil(async () => (await Promise.all(servers.map(ready))).every(Boolean), { timeout: 15_000 });

/** Triggers numbered events until told to stop. @returns the numbers of those that were answered 200, and all statuses */
export function traffic(server: TestServer): { stop(): Promise<{ ok: number[]; statuses: Set<number> }> } {
  let going = true;
  const ok: number[] = [];
  const statuses = new Set<number>();
  const run = async () => {
    for (let number = 0; going; number += 1) {
      const { status, headers } = await trigger(server, { name: 'tick', channel: ROOM, data: String(number) });
      statuses.add(status);
      if (status === 200) ok.push(number);
      else expect([status, headers.get('retry-after')]).toEqual([503, '2']);
      // Not faster than a socket's turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { ok, statuses };
  };
  const running = run();
  return {
    stop: async () => {
      going = false;
      return await running;
    },
  };
}

/** The numbers of the ticks a client got up to an event that is triggered now, in order; and other events by name. */
export async function ticks(via: TestServer, client: Client): Promise<{ numbers: number[]; others: string[] }> {
  await trigger(via, { name: 'fence', channel: ROOM, data: '' });
  const numbers: number[] = [];
  const others: string[] = [];
  for (;;) {
    const { event, data } = await client.next();
    if (event === 'fence') return { numbers, others };
    if (event === 'tick') numbers.push(Number(data));
    else others.push(event);
  }
}

export async function usersOf(server: TestServer): Promise<string[]> {
  const { json } = await api(server, 'GET', `/apps/${server.app.id}/channels/${ROOM}/users`);
  return (json as { users: { id: string }[] }).users.map(({ id }) => id).sort();
}
