// What operators ask of the cluster: its nodes, and single connections wherever they are. Nodes speak with each other by
// calls on topics of their own; who holds a connection answers for it.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { z } from 'zod';
import { type Ending, endings, requestErrors } from '../protocol/errors.ts';
import { readJson } from '../protocol/json.ts';
import type { App } from './app.ts';
import { type ConnectionDetails, connectionDetailsSchema, detailsOf } from './connection-details.ts';
import type { Context } from './context.ts';
import type { ConnectionPage, NodeReport } from './ports.ts';
import { allNodesTopic, nodeTopic } from './topics.ts';

export interface AdministrationOptions {
  readonly version: string;
  /** Sends the sockets of this node away; nobody connects here any more. */
  readonly drain: () => void;
  readonly isDraining: () => boolean;
}

export type NodeEntry = NodeReport & { readonly silentMs: number };

const REPORT_EVERY_MS = 3000;
/** A node that holds the connection answers in milliseconds, unless it stands still. */
const ANSWER_WITHIN_MS = 1000;

const aim = { appId: z.string(), socketId: z.string() };
/** What nodes say to each other; everything else is dropped. */
const callSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('disconnect'), ...aim, reconnect: z.boolean() }),
  z.object({ do: z.literal('describe'), ...aim, question: z.string(), asker: z.string() }),
  z.object({ do: z.literal('answer'), question: z.string(), details: connectionDetailsSchema }),
  z.object({ do: z.literal('drain'), nodeId: z.string() }),
]);
type Call = z.infer<typeof callSchema>;

export class Administration {
  readonly nodeId = randomUUID();
  readonly #context: Context;
  readonly #options: AdministrationOptions;
  readonly #startedAtMs = Date.now();
  readonly #questions = new Map<string, (details: ConnectionDetails) => void>();
  #reporter: NodeJS.Timeout | undefined;

  constructor(context: Context, options: AdministrationOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** From here on this node is listed, and answers the others. */
  async start(): Promise<void> {
    const { broker } = this.#context;
    await Promise.all([broker.subscribe(allNodesTopic), broker.subscribe(nodeTopic(this.nodeId))]);
    await this.#report();
    this.#reporter ??= setInterval(() => void this.#tryToReport(), REPORT_EVERY_MS).unref();
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#reporter === undefined) return;
    clearInterval(this.#reporter);
    this.#reporter = undefined;
    const { broker, nodeRegistry, log } = this.#context;
    for (const topic of [allNodesTopic, nodeTopic(this.nodeId)]) broker.unsubscribe(topic);
    await nodeRegistry.forget(this.nodeId).catch((err: unknown) => log.debug({ err }, 'a node could not sign off'));
  }

  /** A call of any node, this one included. */
  receive(text: string): void {
    const { data: call } = callSchema.safeParse(readJson(text));
    if (call === undefined) this.#context.log.warn('a call of another node was not understood');
    else this.#obey(call);
  }

  /** Those that were heard of in the last half minute. */
  async nodes(): Promise<readonly NodeEntry[]> {
    await this.#report();
    return await this.#context.nodeRegistry.list();
  }

  /** @throws RequestError 404 */
  async drainNode(nodeId: string): Promise<void> {
    const nodes = await this.nodes();
    if (!nodes.some(({ id }) => id === nodeId)) throw requestErrors.noSuch('node', nodeId);
    await this.#call({ do: 'drain', nodeId });
  }

  connections(app: App, count: number, cursor: string | undefined): Promise<ConnectionPage> {
    return this.#context.tracker.connections(app.id, count, cursor);
  }

  /**
   * What is known of an open connection, by the node that holds it.
   * @throws RequestError 404; 503 when that node does not answer
   */
  async describe(app: App, socketId: string): Promise<ConnectionDetails> {
    const own = this.#context.connections.get(socketId);
    if (own?.app.id === app.id) return detailsOf(own, this.nodeId);
    await this.#checkConnected(app, socketId);
    const question = randomUUID();
    const answer = this.#answerTo(question);
    await this.#call({ do: 'describe', appId: app.id, socketId, question, asker: this.nodeId });
    const details = await answer;
    if (details === undefined) throw requestErrors.nodeSilent();
    return details;
  }

  /**
   * Closes one connection, wherever it is: for good (4009), or for it to come back (4200).
   * @throws RequestError 404
   */
  async disconnect(app: App, socketId: string, reconnect: boolean): Promise<void> {
    await this.#checkConnected(app, socketId);
    await this.#call({ do: 'disconnect', appId: app.id, socketId, reconnect });
  }

  async #checkConnected(app: App, socketId: string): Promise<void> {
    const { tracker } = this.#context;
    if (!(await tracker.isConnected(app.id, socketId))) throw requestErrors.noSuch('connection', socketId);
  }

  #obey(call: Call): void {
    switch (call.do) {
      case 'disconnect':
        this.#endOwn(call.appId, call.socketId, call.reconnect ? endings.sentAway : endings.terminated);
        return;
      case 'describe':
        this.#describeOwn(call);
        return;
      case 'answer':
        this.#questions.get(call.question)?.(call.details);
        return;
      case 'drain':
        if (call.nodeId !== this.nodeId) return;
        this.#options.drain();
        void this.#tryToReport();
        return;
      default:
        call satisfies never;
    }
  }

  #endOwn(appId: string, socketId: string, ending: Ending): void {
    const own = this.#context.connections.get(socketId);
    if (own?.app.id === appId) own.end(ending);
  }

  #describeOwn({ appId, socketId, question, asker }: Extract<Call, { do: 'describe' }>): void {
    const { connections, log } = this.#context;
    const own = connections.get(socketId);
    if (own?.app.id !== appId) return;
    const answer: Call = { do: 'answer', question, details: detailsOf(own, this.nodeId) };
    this.#call(answer, nodeTopic(asker)).catch((err: unknown) => log.debug({ err }, 'another node was not answered'));
  }

  /** undefined when nobody answers in time. */
  #answerTo(question: string): Promise<ConnectionDetails | undefined> {
    return new Promise((resolve) => {
      const done = (details?: ConnectionDetails) => {
        clearTimeout(timer);
        this.#questions.delete(question);
        resolve(details);
      };
      const timer = setTimeout(done, ANSWER_WITHIN_MS);
      this.#questions.set(question, done);
    });
  }

  #call(call: Call, topic = allNodesTopic): Promise<void> {
    return this.#context.broker.publish(topic, { type: 'call', text: JSON.stringify(call) });
  }

  async #tryToReport(): Promise<void> {
    // The next one comes soon.
    await this.#report().catch((err: unknown) => this.#context.log.debug({ err }, 'a node could not report'));
  }

  #report(): Promise<void> {
    return this.#context.nodeRegistry.report({
      id: this.nodeId,
      host: hostname(),
      pid: process.pid,
      version: this.#options.version,
      startedAtMs: this.#startedAtMs,
      sockets: this.#context.connections.size,
      draining: this.#options.isDraining(),
    });
  }
}
