// Several servers in this process that are one over a real Redis, and jobs that run some at a time.
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startServer, type TestServer } from '../../support/server.ts';

export interface Nodes extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly prefix: string;
  readonly nodes: readonly TestServer[];
}

/** @param onStart is called before each node is made, with its number */
export async function startNodes(
  count: number,
  app: Parameters<typeof startServer>[0] = {},
  onStart: (number: number) => void = () => {},
): Promise<Nodes> {
  const redis = await startRedis();
  // On a slow machine, pings would come between what tests read.
  const config = { adapter: 'redis', redis: redis.settings(), activityTimeoutSeconds: 120 } as const;
  const nodes: TestServer[] = [];
  const dispose = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis[Symbol.asyncDispose]();
  };
  try {
    for (let number = 0; number < count; number += 1) {
      onStart(number);
      nodes.push(await startServer(app, config));
    }
  } catch (err) {
    await dispose();
    throw err;
  }
  return { redis, prefix: config.redis.prefix, nodes, [Symbol.asyncDispose]: dispose };
}

/** Does a job for each item, at most so many at a time. */
export async function forEach<T>(items: readonly T[], atOnce: number, job: (item: T) => Promise<void>): Promise<void> {
  const left = [...items].reverse();
  const work = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await job(item);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
