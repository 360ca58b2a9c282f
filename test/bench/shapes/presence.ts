// presence: users join one presence channel all at once, until every one of them knows every other.
import { createHmac } from 'node:crypto';
import { Crowd } from '../crowd.ts';
import type { Receiver } from '../receiver.ts';
import { count, type Group } from '../shape.ts';
import type { Server } from '../target.ts';

const CHANNEL = 'presence-bench';
const LIMIT_MS = 60_000;
/** Everybody hears of everybody: the frames grow with the square. */
const MOST_USERS = 3000;
const DIGITS = 6;

export function presence(conns: number): Group {
  const users = Math.min(conns, MOST_USERS);
  return {
    name: 'presence',
    title: 'Presence: users join one channel at once, until all know all',
    columns: [
      { key: 'allKnowAllSeconds', title: ['all know', 'all, s'] },
      { key: 'cpuUsPerJoin', title: ['CPU', 'µs/join'] },
      { key: 'receivedMb', title: ['received', 'MB'] },
      { key: 'receivedKbPerJoin', title: ['received', 'KB/join'] },
    ],
    cases: [
      {
        name: 'presence',
        what: `${count(users)} users`,
        run: async (stage) => {
          const server = await stage.server();
          using room = new Room(server, users);
          await room.open(users);
          const before = server.usage();
          const startMs = performance.now();
          room.join();
          await room.until(
            () => room.known >= users * users,
            LIMIT_MS,
            () => `after ${LIMIT_MS / 1000} s the ${users} users knew ${room.known} members of ${users * users}`,
          );
          const cpuUs = (server.usage()?.cpuUs ?? Number.NaN) - (before?.cpuUs ?? Number.NaN);
          return {
            allKnowAllSeconds: (room.knownAtMs - startMs) / 1000,
            cpuUsPerJoin: cpuUs / users,
            receivedMb: room.bytes / 1e6,
            receivedKbPerJoin: room.bytes / 1e3 / users,
          };
        },
      },
    ],
  };
}

/** Arrived is who is connected. */
class Room extends Crowd {
  /** Members that each socket knows of, itself included, added up. */
  known = 0;
  /** When `known` last grew. */
  knownAtMs = 0;
  /** Of all messages after the greeting. */
  bytes = 0;
  readonly #users: number;
  /** One byte for each socket and member. */
  readonly #knows: Uint8Array;

  constructor(server: Server, users: number) {
    super([server], server.app);
    this.#users = users;
    this.#knows = new Uint8Array(users * users);
  }

  join(): void {
    for (const receiver of this.receivers) {
      const id = String(receiver.index).padStart(DIGITS, '0');
      const channelData = JSON.stringify({ user_id: `user-${id}`, user_info: { name: `Name ${id}` } });
      const text = `${receiver.socketId}:${CHANNEL}:${channelData}`;
      const auth = `${this.app.key}:${createHmac('sha256', this.app.secret).update(text).digest('hex')}`;
      this.send(receiver, { event: 'pusher:subscribe', data: { channel: CHANNEL, auth, channel_data: channelData } });
    }
  }

  override established(): void {
    this.arrive();
  }

  /** Member lists and arrivals alike are searched for ids; the id stands there however a server lays out the frame. */
  override text(receiver: Receiver, buffer: Buffer, from: number, to: number): void {
    this.bytes += to - from;
    const text = buffer.toString('latin1', from, to);
    if (
      !text.includes('"pusher_internal:subscription_succeeded"') &&
      !text.includes('"pusher_internal:member_added"')
    ) {
      receiver.unusual(text);
      return;
    }
    const row = receiver.index * this.#users;
    for (let at = text.indexOf('user-'); at >= 0; at = text.indexOf('user-', at + 5)) {
      const member = Number(text.slice(at + 5, at + 5 + DIGITS));
      if (this.#knows[row + member] !== 0) continue;
      this.#knows[row + member] = 1;
      this.known++;
      this.knownAtMs = performance.now();
    }
  }
}
