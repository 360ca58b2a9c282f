// The node registry of a worker: the primary's, asked over the channel.
import type { NodeRegistry, NodeReport } from '../../core/ports.ts';
import type { Caller } from './caller.ts';

export class IpcNodeRegistry implements NodeRegistry {
  readonly #primary: Caller;

  constructor(primary: Caller) {
    this.#primary = primary;
  }

  report(node: NodeReport): Promise<void> {
    return this.#primary.call('reportNode', node);
  }

  forget(nodeId: string): Promise<void> {
    return this.#primary.call('forgetNode', nodeId);
  }

  list(): ReturnType<NodeRegistry['list']> {
    return this.#primary.call('listNodes');
  }
}
