#!/usr/bin/env -S node --
// The process's edge: arguments, environment, signals, exit code. Picks a command and is the only one to end the process.
// The `--` above: Node 20 takes --env-file for its own wherever it stands, and ends with an answer of its own.
import { text } from 'node:stream/consumers';
import { type Command, type Edge, exitCodes, UsageError } from './cli/command.ts';
import { nearestName } from './config/nearest.ts';
import { version } from './version.ts';

interface Entry {
  /** One line for the list of commands; hidden without. */
  readonly summary?: string;
  /** Only what is used is loaded: a health check every few seconds should not load the server. */
  readonly load: () => Promise<Command>;
}

const commands: ReadonlyMap<string, Entry> = new Map(
  Object.entries({
    start: { summary: 'run the server', load: async () => (await import('./cli/start.ts')).start },
    check: {
      summary: 'validate the configuration and print it, each key with its source',
      load: async () => (await import('./cli/check.ts')).check,
    },
    trigger: { summary: 'send an event to a channel', load: async () => (await import('./cli/trigger.ts')).trigger },
    listen: {
      summary: 'print the events of one or more channels',
      load: async () => (await import('./cli/listen.ts')).listen,
    },
    apps: {
      summary: 'list and change the apps of a running server',
      load: async () => (await import('./cli/apps.ts')).apps,
    },
    webhooks: {
      summary: 'receive webhooks, verify them and print what arrives (webhooks listen)',
      load: async () => (await import('./cli/webhooks.ts')).webhooks,
    },
    health: {
      summary: 'ask a running server whether it is well',
      load: async () => (await import('./cli/health.ts')).health,
    },
    schema: { load: async () => (await import('./cli/schema.ts')).schema },
  }),
);

const shownCommands = [...commands].filter(([, { summary }]) => summary !== undefined);

const help = `Usage: fanfare COMMAND [options]

A Pusher- and Reverb-compatible broadcasting server.

Commands:
${shownCommands.map(([name, { summary }]) => `  ${name.padEnd(9)}${summary}`).join('\n')}

fanfare COMMAND --help explains a command; fanfare --version prints the version.
Try it: fanfare start --dev`;

const edge: Edge = {
  env: process.env,
  version,
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  readInput: () => text(process.stdin),
  lifecycle: {
    onSignal: (listener) => {
      process.on('SIGINT', listener);
      process.on('SIGTERM', listener);
    },
    onUncaughtException: (listener) => void process.on('uncaughtException', listener),
    onUnhandledRejection: (listener) => void process.on('unhandledRejection', listener),
    exit: (code) => process.exit(code),
  },
};

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined) {
    edge.err(help);
    return exitCodes.usage;
  }
  if (name === 'help' && args[0] !== undefined) return await main([args[0], '--help']);
  if (name === '--help' || name === '-h' || name === 'help') return print(help);
  if (name === '--version' || name === '-v') return print(edge.version);
  const entry = commands.get(name);
  if (entry === undefined) return unknownCommand(name);
  const command = await entry.load();
  const options = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length);
  if (options.includes('--help') || options.includes('-h')) return print(command.help);
  try {
    return await command.run(args, edge);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return usageError(error.message, `fanfare ${name} --help`);
  }
}

function unknownCommand(name: string): number {
  const shown = shownCommands.map(([shown]) => shown);
  const meant = nearestName(name, shown);
  const hint = meant === undefined ? '' : `, did you mean ${meant}?`;
  return usageError(`unknown ${name.startsWith('-') ? 'option' : 'command'} ${name}${hint}`, 'fanfare --help');
}

function print(text: string): number {
  edge.out(text);
  return exitCodes.ok;
}

function usageError(message: string, advice: string): number {
  edge.err(`fanfare: ${message}`);
  edge.err(`Try: ${advice}`);
  return exitCodes.usage;
}

/** A reader that goes away, as in `fanfare listen my-channel | head`, is no mistake. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const code = await main(process.argv.slice(2));
// What was written must be out before the process ends: a pipe may be slow.
process.stdout.write('', () => process.exit(code));
