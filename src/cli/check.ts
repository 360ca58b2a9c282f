// fanfare check: validates a configuration and prints the effective one, each key with its source; explains who may join
// what, in general or for one user and channel.
import { loadConfig } from '../config/load.ts';
import { readText, readTextFile } from '../config/read-file.ts';
import type { Config } from '../config/schema.ts';
import { readJson } from '../protocol/json.ts';
import { type Command, type Edge, exitCodes, parseOptions, refusePositionals, UsageError } from './command.ts';
import { configHelp, configOptions, flagsOf, reportMistakes } from './config-options.ts';
import { effectiveLines } from './effective-config.ts';
import { authLines } from './explain-auth.ts';
import { type AppWithAuth, explainJoin } from './explain-join.ts';
import { webhookLines } from './explain-webhooks.ts';
import { unusedRedis } from './warnings.ts';

const joinOptions = { channel: { type: 'string' }, claims: { type: 'string' }, app: { type: 'string' } } as const;

export const check: Command = {
  help: `Usage: fanfare check [options]
       fanfare check --channel NAME --claims FILE [--app ID] [options]

Validates the configuration that \`fanfare start\` with the same options would
use, and prints it: every key, its value, and where that came from, and what the
auth and the webhooks of each app come to. Secrets are masked. Exit code 0, or
78 with all mistakes listed.

With --channel it says instead whether a user may join that channel, which rule
decides, and why. Exit code 0, or 1 when the answer is no. The token itself (its
signature, exp, iss and aud) is not looked at.

  --channel NAME     the channel, such as private-user.7
  --claims FILE      the claims of the user's token, as a JSON object; - reads
                     them from the standard input
  --app ID           the app, where several have auth

${configHelp}`,
  run: async (args, edge) => {
    const { values, positionals } = parseOptions(args, { ...configOptions, ...joinOptions });
    refusePositionals(positionals);
    const { channel, claims, app, ...rest } = values;
    const join = joinOf({ channel, claims, app });
    const loaded = loadConfig({ flags: flagsOf(rest), env: edge.env });
    if (!loaded.ok) return reportMistakes(edge, loaded.mistakes, '');
    if (join !== undefined) return await checkJoin(loaded.config, join, edge);
    const { config } = loaded;
    const warnings = unusedRedis(loaded).map((text) => `Warning: ${text}.`);
    const explained = [...authLines(config), ...webhookLines(config)];
    for (const line of [...effectiveLines(loaded), ...warnings, ...explained]) edge.out(line);
    return exitCodes.ok;
  },
};

interface Join {
  readonly channel: string;
  /** A file's name, or - for the standard input. */
  readonly claims: string;
  readonly app: string | undefined;
}

/** @throws UsageError when something is missing; undefined when it is not asked about. */
function joinOf({ channel, claims, app }: { readonly [K in keyof Join]: string | undefined }): Join | undefined {
  if (channel === undefined && claims === undefined && app === undefined) return undefined;
  if (channel === undefined) throw new UsageError('--channel is missing: which channel would the user join?');
  if (claims === undefined) throw new UsageError('--claims is missing: what does the user’s token say?');
  return { channel, claims, app };
}

async function checkJoin(config: Config, { channel, claims, app: id }: Join, edge: Edge): Promise<number> {
  const app = appOf(config, id);
  const { verdict, reasons } = explainJoin(app, channel, await claimsIn(claims, edge));
  edge.out(`${channel} of app ${app.id}: ${verdict}`);
  for (const reason of reasons) edge.out(reason);
  return verdict === 'refused' ? exitCodes.failed : exitCodes.ok;
}

/** @throws UsageError unless it is clear which app is meant, and it has auth. */
function appOf(config: Config, id: string | undefined): AppWithAuth {
  const apps = config.apps.filter((app): app is AppWithAuth => app.auth !== undefined);
  const ids = apps.map((app) => app.id).join(', ');
  if (apps.length === 0) throw new UsageError('no app has auth: joins are signed by your application, not by Fanfare');
  if (id === undefined && apps.length > 1) throw new UsageError(`which app? Give --app with one of ${ids}`);
  const app = id === undefined ? apps[0] : apps.find((app) => app.id === id);
  if (app === undefined) throw new UsageError(`--app: no app with auth has the id ${id}; there is ${ids}`);
  return app;
}

/** @throws UsageError for a file that cannot be read or holds something else. */
async function claimsIn(file: string, edge: Edge): Promise<Readonly<Record<string, unknown>>> {
  const name = file === '-' ? 'the standard input' : file;
  const refuse = (reason: string) => {
    throw new UsageError(`--claims: ${name}: ${reason}`);
  };
  const text = file === '-' ? await edge.readInput() : readText(file, readTextFile, refuse);
  const claims = readJson(text ?? '');
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw new UsageError(`--claims: ${name}: expected a JSON object of claims, such as {"sub":"7"}`);
  }
  return claims as Readonly<Record<string, unknown>>;
}
