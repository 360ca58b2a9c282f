// Where the authorization endpoint answers: paths that nothing else of the server has. Pure.
import { z } from 'zod';

const endpointPath = z
  .string()
  .regex(/^(\/[\w.~-]+)+$/, 'must be a path such as /broadcasting/auth: letters, digits and "-._~" between slashes');

export const authPathsSchema = z
  .strictObject({
    channelPaths: z
      .array(endpointPath)
      .min(1)
      .default(['/broadcasting/auth', '/pusher/auth'])
      .describe('Where clients ask to join channels. PATH/{app key} where several apps have auth.'),
    userPaths: z
      .array(endpointPath)
      .min(1)
      .default(['/broadcasting/user-auth', '/pusher/user-auth'])
      .describe('Where clients ask to sign in.'),
  })
  .prefault({})
  .describe('Paths of the authorization endpoint, which answers for apps that have auth.');

/** With everything below the first two. */
const TAKEN = /^\/(?:apps?(?:\/.*)?|health|up|ready|stats)$/;

/** Every mistake about the paths at once; for the whole configuration, as its path prefix matters too. */
export function refuseTakenPaths(config: unknown, context: z.RefinementCtx): void {
  const { auth, path: prefix } = config as { auth?: Partial<Record<string, unknown>>; path?: unknown };
  const first = new Map<string, string>();
  for (const name of ['channelPaths', 'userPaths']) {
    const paths: unknown = auth?.[name];
    if (!Array.isArray(paths)) continue;
    paths.forEach((path: unknown, index) => {
      const message = typeof path === 'string' ? reasonAgainst(path, prefix, first) : undefined;
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['auth', name, index], message });
      if (typeof path === 'string' && !first.has(path)) first.set(path, `auth.${name}[${index}]`);
    });
  }
}

/** @param first what each path was first named by */
function reasonAgainst(path: string, prefix: unknown, first: ReadonlyMap<string, string>): string | undefined {
  const owner = first.get(path);
  if (owner !== undefined) return `is ${owner} already`;
  if (TAKEN.test(path)) return 'is a path of the server itself';
  const isPrefixed = typeof prefix === 'string' && prefix !== '' && `${path}/`.startsWith(`${prefix}/`);
  return isPrefixed ? `must not begin with ${prefix}, the path prefix, which is put before it anyway` : undefined;
}
