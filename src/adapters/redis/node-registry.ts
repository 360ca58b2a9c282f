// The nodes that share this Redis, as each last described itself.
import { z } from 'zod';
import { NODE_SECONDS, type NodeRegistry, type NodeReport } from '../../core/ports.ts';
import { readJson } from '../../protocol/json.ts';
import type { RedisClient } from './client.ts';
import { reportNode, reports } from './scripts/reports.lua.ts';

const nodeReport = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.int(),
  version: z.string(),
  startedAtMs: z.number(),
  sockets: z.int(),
  draining: z.boolean(),
}) satisfies z.ZodType<NodeReport>;

export class RedisNodeRegistry implements NodeRegistry {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async report(node: NodeReport): Promise<void> {
    await this.#client.run(reportNode, [this.#client.keys.reports], [node.id, JSON.stringify(node), NODE_SECONDS]);
  }

  async forget(nodeId: string): Promise<void> {
    const { commands, keys } = this.#client;
    await this.#client.answer(commands.hdel(keys.reports, nodeId));
  }

  async list(): Promise<(NodeReport & { silentMs: number })[]> {
    const answer = await this.#client.run<[text: string, silentMs: number][]>(
      reports,
      [this.#client.keys.reports],
      [NODE_SECONDS],
    );
    return answer.flatMap(([text, silentMs]) => {
      const { data } = nodeReport.safeParse(readJson(text));
      return data === undefined ? [] : [{ ...data, silentMs }];
    });
  }
}
