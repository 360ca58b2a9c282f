// fanfare check: validates a configuration and prints the effective one, each key with its source.
import { sourceText } from '../config/draft.ts';
import { type LoadResult, loadConfig } from '../config/load.ts';
import { type Command, exitCodes, parseOptions, refusePositionals } from './command.ts';
import { configHelp, configOptions, flagsOf, reportMistakes } from './config-options.ts';

export const check: Command = {
  help: `Usage: fanfare check [options]

Validates the configuration that \`fanfare start\` with the same options would
use, and prints it: every key, its value, and where that came from. Secrets are
masked. Exit code 0, or 78 with all mistakes listed.

${configHelp}`,
  run: async (args, edge) => {
    const { values, positionals } = parseOptions(args, configOptions);
    refusePositionals(positionals);
    const loaded = loadConfig({ flags: flagsOf(values), env: edge.env });
    if (!loaded.ok) return reportMistakes(edge, loaded.mistakes, '');
    for (const line of effectiveLines(loaded)) edge.out(line);
    return exitCodes.ok;
  },
};

const MASK = '********';

function effectiveLines({ config, sources }: Extract<LoadResult, { ok: true }>): string[] {
  const rows = [...sources].map(
    ([key, source]) => [key, shown(key, valueAt(config, key)), sourceText(source)] as const,
  );
  const keyWidth = Math.max(...rows.map(([key]) => key.length));
  // One long value, such as a URL, should not push every source off the screen.
  const valueWidth = Math.min(32, Math.max(...rows.map(([, value]) => value.length)));
  return rows.map(([key, value, source]) => `${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  ${source}`);
}

/** The inverse of pathText, for keys that exist. */
function valueAt(config: object, key: string): unknown {
  const parts = key.split(/[.[\]]+/).filter((part) => part !== '');
  return parts.reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], config);
}

function shown(key: string, value: unknown): string {
  if (value === undefined) return '(not set)';
  const name = key.split('.').at(-1);
  if (name === 'secret' || name === 'password') return MASK;
  if (name === 'url') return maskedUrl(String(value));
  if (Array.isArray(value)) return value.length === 0 ? '(none)' : value.join(', ');
  return value === '' ? '(empty)' : String(value);
}

function maskedUrl(text: string): string {
  return text.replace(/\/\/[^@/]*@/, `//${MASK}@`);
}
