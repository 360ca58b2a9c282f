// The package's version, as package.json says it: beside dist/ as beside src/.
import { readFileSync } from 'node:fs';

const manifest: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

export const version = manifest.version;
