// What is never shown of a configuration, in mistakes and in what `fanfare check` prints. Pure.

export const MASK = '********';

/** Whether the key of this name holds a secret. */
export function isSecret(name: string): boolean {
  return ['secret', 'password', 'sentinelPassword', 'busSecret', 'encryptionMasterKey', 'tokens'].includes(name);
}

/** Whether the key of this name holds a list in which there are secrets, such as the key pairs of an app. */
export function holdsSecrets(name: string): boolean {
  return name === 'keys';
}

/** Whether the key of this name holds a URL, which may hold a password or a token. */
export function isUrl(name: string): boolean {
  return /^url$|Url$/.test(name);
}

/** The URL without user name, password and query. */
export function maskedUrl(text: string): string {
  return text.replace(/\/\/[^/?#]*@/, `//${MASK}@`).replace(/\?.+/s, `?${MASK}`);
}

/** Whether what is at this place of a configuration is, or holds, the headers of webhooks: their values are secrets. */
export function holdsHeaders(path: readonly (string | number)[]): boolean {
  return path[0] === 'apps' && path[2] === 'webhooks' && (path.length < 5 || path[4] === 'headers');
}
