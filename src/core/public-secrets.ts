// The secrets of the development app. Everybody can read them here, so that only a development server may use them,
// wherever its apps are.
import type { App } from './app.ts';

export const publicSecrets = {
  secret: 'app-secret',
  /** What tokens of the development app's users are signed with, by HS256. */
  tokenSecret: 'fanfare-development-token-secret!',
  masterKey: Buffer.from('fanfare-development-master-key!!').toString('base64'),
} as const;

/** What of an app everybody knows, in a sentence; undefined: nothing. */
export function publicSecretIn({ secret, keys, auth, encryptionMasterKey }: App): string | undefined {
  const place = keys.findIndex((pair) => pair.secret === publicSecrets.secret);
  if (secret === publicSecrets.secret) return known('secret', 'secret');
  if (place >= 0) return known(`keys: ${place}: secret`, 'secret');
  if (auth?.bearer?.secret === publicSecrets.tokenSecret) return known('auth: bearer: secret', 'token secret');
  if (encryptionMasterKey === publicSecrets.masterKey) return known('encryptionMasterKey', 'master key');
  return undefined;
}

function known(path: string, what: string): string {
  return `${path}: is the development ${what}, which everybody knows: choose one of your own, or start with --dev`;
}
