// Checks that need more than the schema: files that must exist, and what a server for real use must not lack or have.
import { createSecureContext } from 'node:tls';
import { publicSecrets } from '../core/public-secrets.ts';
import { type Draft, mistakeText, type Path } from './draft.ts';
import { type ReadFile, readText } from './read-file.ts';

/** What everybody can read here, and only a development server may use. */
const secretOf = (...path: Path) => [path, publicSecrets.secret, 'secret'] as const;
const DEVELOPMENT_SECRETS = [
  secretOf('secret'),
  [['auth', 'bearer', 'secret'], publicSecrets.tokenSecret, 'token secret'],
  [['encryptionMasterKey'], publicSecrets.masterKey, 'master key'],
] as const;

/** Whether the apps are those of the configuration. */
export function hasConfiguredApps(draft: Draft): boolean {
  return (draft.get(['appStore', 'driver']) ?? 'config') === 'config';
}

/** Without --dev there must be an app, and none may have a development secret; unless the apps are elsewhere. */
export function checkApps(draft: Draft, development: boolean, refuse: (mistake: string) => void): void {
  const apps = draft.get(['apps']) ?? [];
  if (!Array.isArray(apps)) return;
  if (!hasConfiguredApps(draft)) {
    if (apps.length > 0) refuseBoth(draft, refuse);
    return;
  }
  if (development) return;
  if (apps.length === 0) {
    refuse(
      'no app is configured: list one under apps: in the configuration file, or set FANFARE_APP_ID, FANFARE_APP_KEY ' +
        'and FANFARE_APP_SECRET (the PUSHER_APP_… or REVERB_APP_… names of a Laravel .env do as well), ' +
        'or start a development server with --dev',
    );
  }
  for (const [index] of apps.entries()) {
    const pairs = draft.get(['apps', index, 'keys']);
    const secrets = Array.isArray(pairs) ? [...pairs.keys()].map((place) => secretOf('keys', place, 'secret')) : [];
    for (const [name, value, what] of [...DEVELOPMENT_SECRETS, ...secrets]) {
      const path: Path = ['apps', index, ...name];
      if (draft.get(path) !== value) continue;
      const text = `is the development ${what}, which everybody knows: choose one of your own, or start with --dev`;
      refuse(mistakeText(path, draft.nearestSource(path), text));
    }
  }
}

function refuseBoth(draft: Draft, refuse: (mistake: string) => void): void {
  const driver = String(draft.get(['appStore', 'driver']));
  const text =
    `are given, but with appStore.driver ${driver} the apps are where that says, and nowhere else: ` +
    'take them out here, or set appStore.driver to config';
  refuse(mistakeText(['apps'], draft.nearestSource(['apps', 0, 'id']), text));
}

/** Certificates and keys must be there, and belong together, before anything starts. */
export function checkTlsFiles(draft: Draft, readFile: ReadFile, refuse: (mistake: string) => void): void {
  for (const group of ['tls', 'redis']) checkTlsFilesOf(group, draft, readFile, refuse);
}

function checkTlsFilesOf(group: string, draft: Draft, readFile: ReadFile, refuse: (mistake: string) => void): void {
  const texts = new Map<string, string>();
  for (const name of ['certFile', 'keyFile', 'caFile']) {
    const path: Path = [group, name];
    const file = draft.get(path);
    if (typeof file !== 'string' || file === '') continue;
    const fail = (reason: string) => refuse(mistakeText(path, draft.nearestSource(path), `${file}: ${reason}`));
    const text = readText(file, readFile, (reason) => fail(`cannot be read: ${reason}`));
    if (text === undefined) continue;
    if (text.includes('-----BEGIN ')) texts.set(name, text);
    else fail('is not a PEM file');
  }
  const [cert, key] = [texts.get('certFile'), texts.get('keyFile')];
  if (cert === undefined || key === undefined) return;
  try {
    createSecureContext({ cert, key, ca: texts.get('caFile') });
  } catch (err) {
    const reason = err instanceof Error ? err.message.replace(/^error:\w+:/, '') : String(err);
    const path: Path = [group, 'keyFile'];
    refuse(mistakeText(path, draft.nearestSource(path), `cannot be used with the certificate: ${reason}`));
  }
}
