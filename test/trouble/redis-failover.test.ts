// Sentinels that make another Redis the master, under servers with sockets and traffic.
import { expect, test } from 'vitest';
import { startWatched } from '../support/redis-topologies.ts';
import { startServer } from '../support/server.ts';
import { bothReady, isMessage, joinRoom, ticks, traffic, usersOf } from './support/traffic.ts';

test.each(['dies', 'stands still'])(
  'when the master %s, sockets stay, nothing is said to be published that was not, and all goes on',
  async (what) => {
    await using watched = await startWatched();
    const { sentinels = [], ...place } = watched.place;
    const redis = { ...place, sentinels: [...sentinels], cluster: undefined };
    await using one = await startServer({}, { adapter: 'redis', redis });
    await using two = await startServer({}, { adapter: 'redis', redis });
    const servers = [one, two] as const;
    const clients = await joinRoom(servers);
    const flow = traffic(one);
    const back = servers.map((server) => server.line(isMessage('registered in Redis again')));
    if (what === 'dies') await watched.master.kill();
    else watched.master.signal('SIGSTOP');
    await watched.sentinel.line('+switch-master');
    const switchedAtMs = performance.now();
    await Promise.all(back);
    await bothReady(servers);
    expect(performance.now() - switchedAtMs).toBeLessThan(5000);
    for (const server of servers) expect(await usersOf(server)).toEqual(['1', '2']);
    const { ok, statuses } = await flow.stop();
    expect(statuses).toEqual(new Set([200, 503]));
    const [near, far] = clients;
    expect(await ticks(two, near)).toEqual({ numbers: ok, others: [] });
    const heard = await ticks(one, far);
    expect(heard.others).toEqual([]);
    expect(heard.numbers.at(-1)).toBe(ok.at(-1));
    for (const client of clients) await client.leave();
  },
  60_000,
);
