// fanfare schema: prints the JSON Schema of the configuration file; `npm run schema` keeps config/ current with it.
import { configJsonSchema } from '../config/schema.ts';
import { type Command, exitCodes, parseOptions, refusePositionals } from './command.ts';

export const schema: Command = {
  help: 'Usage: fanfare schema\n\nPrints the JSON Schema of the configuration file.',
  run: async (args, edge) => {
    refusePositionals(parseOptions(args, {}).positionals);
    edge.out(JSON.stringify(configJsonSchema(), null, 2));
    return exitCodes.ok;
  },
};
