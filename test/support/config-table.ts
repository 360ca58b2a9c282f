// The README's table of configuration keys, as the schema says it.
import { configJsonSchema, type JsonSchema } from '../../src/config/schema.ts';

interface Described extends JsonSchema {
  readonly description?: string;
  readonly default?: unknown;
}

function rows(schema: JsonSchema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const path = `${prefix}${name}`;
    if (child.properties !== undefined) return rows(child, `${path}.`);
    const { description = '', default: fallback } = child as Described;
    const shown =
      fallback === undefined ? '' : `\`${typeof fallback === 'string' ? fallback || "''" : JSON.stringify(fallback)}\``;
    const row = `| \`${path}\` | ${shown} | ${description.replaceAll('|', '\\|')} |`;
    return [row, ...rows(child.items ?? {}, `${path}[].`)];
  });
}

/** Markdown, without a line break at its end. */
export function configTable(): string {
  const schema = configJsonSchema();
  const { apps, ...server } = schema.properties ?? {};
  return [
    '| key | default | meaning |',
    '|---|---|---|',
    ...rows({ properties: server }, ''),
    ...rows(apps?.items ?? {}, 'apps[].'),
  ].join('\n');
}
