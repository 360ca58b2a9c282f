// The README cannot rot: its tables, its commands and its snippets are what the code says and does.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configTable } from './support/config-table.ts';

const readme = readFileSync('README.md', 'utf8');

it('lists every configuration key with its default and meaning', () => {
  const [, table] = readme.match(/<!-- config table[^>]*-->\n+([\s\S]*?)\n+<!-- \/config table -->/) ?? [];
  expect(table).toBe(configTable());
});
