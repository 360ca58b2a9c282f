// Why the server could not start, with what to do about it.
import type { Config } from '../config/schema.ts';

export function startFailure(error: unknown, { host, port }: Config): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is already in use: choose another with --port or FANFARE_PORT`;
    case 'EACCES':
      return `port ${port} may not be opened by this user: choose one above 1023 with --port or FANFARE_PORT`;
    case 'EADDRNOTAVAIL':
      return `this machine does not have the address ${host}: choose another with --host or FANFARE_HOST`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `there is no address for the name ${host}: choose another with --host or FANFARE_HOST`;
    default:
      return `the server could not start: ${message}`;
  }
}
