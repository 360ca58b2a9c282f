// fanfare start: runs the server until it is told to stop.
import type { Logger } from 'pino';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { createLog } from '../log.ts';
import { createServer } from '../server.ts';
import { type Command, type Edge, exitCodes, type Lifecycle, parseOptions, refusePositionals } from './command.ts';
import { configHelp, configOptions, flagsOf, reportMistakes } from './config-options.ts';
import { startFailure } from './start-failure.ts';
import { welcome } from './welcome.ts';

export const start: Command = {
  help: `Usage: fanfare start [options]

Runs the server until SIGTERM or SIGINT; a second signal ends it at once.
Flags win over FANFARE_* variables, which win over the configuration file.
\`fanfare check\` with the same options shows what would be used.

${configHelp}`,
  run: async (args, edge) => {
    const { values, positionals } = parseOptions(args, configOptions);
    refusePositionals(positionals);
    const loaded = loadConfig({ flags: flagsOf(values), env: edge.env });
    if (!loaded.ok) return reportMistakes(edge, loaded.mistakes, ', so nothing was started');
    return await serve(loaded.config, edge);
  },
};

async function serve(config: Config, edge: Edge): Promise<number> {
  const log = createLog(config.log);
  try {
    const server = createServer(config, log);
    const ending = endOf(server, edge.lifecycle, log);
    const { url } = await server.start();
    if (config.development) for (const line of welcome(config, url, Date.now())) edge.out(line);
    return await ending;
  } catch (error) {
    log.debug({ err: error }, 'start failed');
    edge.err(`fanfare: ${startFailure(error, config)}`);
    return exitCodes.failed;
  }
}

/** Resolves with the exit code once the server has stopped: for a signal, or for an exception nobody caught. */
function endOf(server: { stop(): Promise<void> }, lifecycle: Lifecycle, log: Logger): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    const stop = async (code: number) => {
      stopping = true;
      try {
        await server.stop();
        resolve(code);
      } catch (error) {
        log.error({ err: error }, 'stopping failed');
        resolve(exitCodes.software);
      }
    };
    lifecycle.onSignal((signal) => {
      if (stopping) return lifecycle.exit(signal === 'SIGINT' ? 130 : 143);
      log.info({ signal }, 'signal received');
      void stop(exitCodes.ok);
    });
    lifecycle.onUnhandledRejection((error) => log.error({ err: error }, 'unhandled rejection'));
    lifecycle.onUncaughtException((error) => {
      log.fatal({ err: error }, 'uncaught exception');
      if (!stopping) void stop(exitCodes.software);
    });
  });
}
