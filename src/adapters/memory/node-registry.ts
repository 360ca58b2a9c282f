// The nodes of one machine: this process, or the workers of a primary.
import { NODE_SECONDS, type NodeRegistry, type NodeReport } from '../../core/ports.ts';

interface Heard {
  readonly node: NodeReport;
  readonly atMs: number;
}

export class MemoryNodeRegistry implements NodeRegistry {
  readonly #heard = new Map<string, Heard>();

  async report(node: NodeReport): Promise<void> {
    this.#heard.set(node.id, { node, atMs: performance.now() });
  }

  async forget(nodeId: string): Promise<void> {
    this.#heard.delete(nodeId);
  }

  async list(): Promise<(NodeReport & { silentMs: number })[]> {
    const nowMs = performance.now();
    for (const [id, { atMs }] of this.#heard) if (nowMs - atMs > NODE_SECONDS * 1000) this.#heard.delete(id);
    return [...this.#heard.values()].map(({ node, atMs }) => ({ ...node, silentMs: Math.round(nowMs - atMs) }));
  }
}
