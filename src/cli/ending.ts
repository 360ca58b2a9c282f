// What ends a server: a signal, or an exception nobody caught.
import type { Logger } from 'pino';
import { exitCodes, type Lifecycle } from './command.ts';

export interface Ending {
  /** Whether there was something to end it, be it that the server was not up yet. */
  readonly begun: boolean;
  /** The exit code, once the server has stopped. */
  readonly code: Promise<number>;
}

/** A second signal ends the process at once. */
export function endOf(server: { stop(): Promise<void> }, lifecycle: Lifecycle, log: Logger): Ending {
  let begun = false;
  const code = new Promise<number>((resolve) => {
    const stop = async (code: number) => {
      begun = true;
      try {
        await server.stop();
        resolve(code);
      } catch (error) {
        log.error({ err: error }, 'stopping failed');
        resolve(exitCodes.software);
      }
    };
    lifecycle.onSignal((signal) => {
      if (begun) return lifecycle.exit(signal === 'SIGINT' ? 130 : 143);
      log.info({ signal }, 'signal received');
      void stop(exitCodes.ok);
    });
    lifecycle.onUnhandledRejection((error) => log.error({ err: error }, 'unhandled rejection'));
    lifecycle.onUncaughtException((error) => {
      log.fatal({ err: error }, 'uncaught exception');
      if (!begun) void stop(exitCodes.software);
    });
  });
  return {
    code,
    get begun() {
      return begun;
    },
  };
}
