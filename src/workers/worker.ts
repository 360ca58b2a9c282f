// The process's edge of a worker, as main.ts is that of the primary: runs the ordinary server as it is told.
import cluster from 'node:cluster';
import type { Logger } from 'pino';
import { processChannel } from '../adapters/ipc/channel.ts';
import { exitCodes, type Lifecycle } from '../cli/command.ts';
import { endOf } from '../cli/ending.ts';
import type { Config } from '../config/schema.ts';
import { createLog } from '../log.ts';
import { createServer } from '../server.ts';
import type { Order, Report } from './orders.ts';

let log: Logger | undefined;
let stopping = false;
/** Before there is a server, there is nothing to stop. */
let onStop: Parameters<Lifecycle['onSignal']>[0] = () => process.exit(exitCodes.ok);

/** However often it is told to: a supervisor's SIGTERM and the primary's word are the same stop. */
function stop(): void {
  if (stopping) return;
  stopping = true;
  onStop('SIGTERM');
}

const lifecycle: Lifecycle = {
  onSignal: (listener) => {
    onStop = listener;
  },
  onUncaughtException: (listener) => void process.on('uncaughtException', listener),
  onUnhandledRejection: (listener) => void process.on('unhandledRejection', listener),
  exit: (code) => process.exit(code),
};

// A terminal's Ctrl-C goes to every process; the primary passes it on.
process.on('SIGINT', () => {});
process.on('SIGTERM', stop);
cluster.worker?.on('disconnect', () => {
  // The primary is gone: at once when it was ended during a stop, else the sockets are sent away first. Node would end
  // this process here if it did not take it for a parting.
  if (stopping) process.exit(exitCodes.failed);
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
  log?.error('the primary process is gone, and its workers end');
  stop();
});
process.on('message', (order: Order | { readonly type: 'adapters' }) => {
  if (order.type === 'run') void run(order.config);
  else if (order.type === 'stop') stop();
});
report({ type: 'here' });

async function run(config: Config): Promise<void> {
  log = createLog(config.log);
  try {
    const server = createServer(config, log, processChannel(process));
    const ending = endOf(server, lifecycle, log);
    report({ type: 'up', listening: await server.start() });
    end(await ending.code);
  } catch (err) {
    log.debug({ err }, 'start failed');
    report({ type: 'failed', ...failureOf(err) }, () => end(exitCodes.failed));
  }
}

function report(report: Report, sent = () => {}): void {
  process.send?.(report, undefined, undefined, sent);
}

function failureOf(err: unknown): { readonly message: string; readonly code: string | undefined } {
  if (!(err instanceof Error)) return { message: String(err), code: undefined };
  return { message: err.message, code: 'code' in err ? String(err.code) : undefined };
}

/** What was written must be out before the process ends: a pipe may be slow. */
function end(code: number): void {
  process.stdout.write('', () => process.exit(code));
}
