// The package's door, for those who run the server inside a program of their own.
// biome-ignore-all lint/performance/noBarrelFile: the one barrel of the project.
export { type LoadOptions, type LoadResult, loadConfig } from './config/load.ts';
export type { Config } from './config/schema.ts';
export { createServer } from './server.ts';
