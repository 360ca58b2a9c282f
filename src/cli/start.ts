// fanfare start: runs the server until it is told to stop.
import { availableParallelism } from 'node:os';
import { loadConfig } from '../config/load.ts';
import { createLog } from '../log.ts';
import { createServer } from '../server.ts';
import { Workers } from '../workers/workers.ts';
import { type Command, type Edge, exitCodes, parseOptions, refusePositionals } from './command.ts';
import { configHelp, configOptions, flagsOf, reportMistakes } from './config-options.ts';
import { endOf } from './ending.ts';
import { startFailure } from './start-failure.ts';
import { type Loaded, warningsOf } from './warnings.ts';
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
    return await serve(loaded, edge);
  },
};

async function serve(loaded: Loaded, edge: Edge): Promise<number> {
  const { config } = loaded;
  const log = createLog(config.log);
  for (const warning of warningsOf(loaded)) log.warn(warning);
  const workers = config.workers === 'auto' ? availableParallelism() : config.workers;
  const server = workers > 1 ? new Workers(config, workers, log) : createServer(config, log);
  const ending = endOf(server, edge.lifecycle, log);
  try {
    const { url } = await server.start();
    if (config.development && !ending.begun) for (const line of welcome(config, url, Date.now())) edge.out(line);
    return await ending.code;
  } catch (error) {
    if (ending.begun) return await ending.code;
    log.debug({ err: error }, 'start failed');
    edge.err(`fanfare: ${startFailure(error, config)}`);
    return exitCodes.failed;
  }
}
