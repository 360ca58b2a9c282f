// fanfare apps: lists and changes the apps of a running server, over its admin API.
import { nearestName } from '../config/nearest.ts';
import { type Command, type Edge, exitCodes, parseOptions, UsageError } from './command.ts';
import { printable } from './event-line.ts';
import { networkReason } from './network.ts';

const ANSWER_WITHIN_MS = 10_000;
const LOCAL = 'http://127.0.0.1:8080';

const ACTIONS: readonly string[] = ['list', 'create', 'rotate', 'disable', 'enable'];

const options = {
  url: { type: 'string' },
  token: { type: 'string' },
  name: { type: 'string' },
  settings: { type: 'string' },
  overlap: { type: 'string' },
} as const;

interface Values {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly name?: string | undefined;
  readonly settings?: string | undefined;
  readonly overlap?: string | undefined;
}

/** What is asked of the admin API, and how its answer is printed. */
interface Ask {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly lines: (answer: Answer) => readonly string[];
}

type Answer = Readonly<Record<string, unknown>>;

interface Summary {
  readonly id: string;
  readonly name: string | null;
  readonly key: string;
  readonly keys: readonly { readonly key: string; readonly notAfter: string | null }[];
  readonly enabled: boolean;
}

export const apps: Command = {
  help: `Usage: fanfare apps list
       fanfare apps create ID [--name NAME] [--settings JSON]
       fanfare apps rotate ID [--overlap SECONDS]
       fanfare apps disable ID
       fanfare apps enable ID

Lists and changes the apps of a running server, over its admin API. The server
needs admin.tokens, and to change apps an appStore that can be written.

create prints the new key and secret. rotate makes a new key and secret and
leaves the present ones good for --overlap seconds (a day). disable closes the
app's sockets (4003) and refuses its requests.

  --url URL          the server, with its path prefix if it has one
                     (${LOCAL})
  --token TOKEN      one of admin.tokens; better in FANFARE_ADMIN_TOKEN, as
                     others on this machine can see arguments
  --name NAME        a name for people
  --settings JSON    further settings, as in the configuration:
                     '{"clientEvents":true}'
  --overlap SECONDS  how long the present pair stays good`,
  run: async (args, edge) => {
    const { values, positionals } = parseOptions(args, options);
    return await send(values, edge, askOf(positionals, values));
  },
};

/** @throws UsageError */
function askOf([action, id, ...extra]: readonly string[], values: Values): Ask {
  if (extra.length > 0) throw new UsageError(`unexpected argument "${extra[0]}"`);
  if (action === 'list' && id === undefined) return { method: 'GET', path: '/apps', lines: listLines };
  if (action === 'list') throw new UsageError(`unexpected argument "${id}"`);
  if (action === undefined) throw new UsageError('what about the apps? list, create, rotate, disable or enable');
  if (!ACTIONS.includes(action)) throw unknownAction(action);
  if (id === undefined) throw new UsageError('the app’s ID is missing');
  const path = `/apps/${encodeURIComponent(id)}`;
  switch (action) {
    case 'create':
      return { method: 'POST', path: '/apps', body: newApp(id, values), lines: createdLines };
    case 'rotate':
      return { method: 'POST', path: `${path}/rotate`, body: overlapOf(values), lines: rotatedLines };
    case 'disable':
    case 'enable':
      return {
        method: 'PATCH',
        path,
        body: { enabled: action === 'enable' },
        lines: ({ app }) => [`${(app as { id: string }).id} is ${action}d`],
      };
    default:
      throw unknownAction(action);
  }
}

function unknownAction(action: string): UsageError {
  const near = nearestName(action, ACTIONS);
  const hint = near === undefined ? 'list, create, rotate, disable or enable' : `did you mean ${near}?`;
  return new UsageError(`unknown action ${JSON.stringify(action)}: ${hint}`);
}

function newApp(id: string, { name, settings }: Values): object {
  let further: unknown = {};
  try {
    further = JSON.parse(settings ?? '{}');
  } catch {
    throw new UsageError('--settings is not valid JSON');
  }
  if (typeof further !== 'object' || further === null || Array.isArray(further)) {
    throw new UsageError('--settings must be a JSON object');
  }
  for (const given of ['id', ...(name === undefined ? [] : ['name'])]) {
    if (Object.hasOwn(further, given))
      throw new UsageError(`--settings has ${given}, which is given without it already`);
  }
  return { ...further, id, ...(name !== undefined && { name }) };
}

function overlapOf({ overlap }: Values): object {
  if (overlap === undefined) return {};
  if (!/^\d{1,9}$/.test(overlap))
    throw new UsageError(`--overlap must be a whole number of seconds, 0 or more, got "${overlap}"`);
  return { overlapSeconds: Number(overlap) };
}

function listLines({ apps, refused }: Answer): string[] {
  const listed = apps as readonly Summary[];
  const width = Math.max(2, ...listed.map(({ id }) => id.length));
  const keyWidth = Math.max(3, ...listed.map(({ key }) => key.length));
  const rows = listed.map(({ id, key, keys, enabled, name }) => {
    const notes = [...(enabled ? [] : ['disabled']), ...(name === null ? [] : [name]), ...keys.map(endText)];
    return `${id.padEnd(width)}  ${key.padEnd(keyWidth)}  ${notes.join(', ')}`.trimEnd();
  });
  const mistakes = (refused as readonly { id: string; reason: string }[]).map((r) => `${r.id} is refused: ${r.reason}`);
  return [`${'id'.padEnd(width)}  key`, ...rows, ...mistakes];
}

function endText({ key, notAfter }: Summary['keys'][number]): string {
  return notAfter === null ? `also ${key}` : `also ${key} until ${notAfter}`;
}

function createdLines({ app }: Answer): string[] {
  const { id, key, secret } = app as { id: string; key: string; secret: string };
  return [`id      ${id}`, `key     ${key}`, `secret  ${secret}`];
}

function rotatedLines({ key, secret, previous }: Answer): string[] {
  const { key: old, notAfter } = previous as { key: string; notAfter: string };
  return [`key     ${key}`, `secret  ${secret}`, `${old} is good until ${notAfter}`];
}

async function send(values: Values, edge: Edge, { method, path, body, lines }: Ask): Promise<number> {
  const url = urlOf(values);
  const token = tokenOf(values, edge);
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${url}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    text = await response.text();
  } catch (error) {
    edge.err(`fanfare: cannot reach ${url}: ${networkReason(error)}`);
    return exitCodes.failed;
  }
  const { ok, status } = response;
  const printed = ok ? printedOf(text, lines) : undefined;
  for (const line of printed ?? []) edge.out(printable(line));
  if (printed !== undefined) return exitCodes.ok;
  const said = ok ? 'with something that is not the admin API: is this the address of Fanfare?' : reasonIn(text);
  edge.err(printable(`fanfare: ${url} answered ${status} ${said}`.trimEnd()));
  return exitCodes.failed;
}

/** @returns undefined for what is no answer of the admin API */
function printedOf(text: string, lines: Ask['lines']): readonly string[] | undefined {
  try {
    return lines(JSON.parse(text) as Answer);
  } catch {
    return undefined;
  }
}

/** Of the admin API's JSON, else what came. */
function reasonIn(text: string): string {
  try {
    return String((JSON.parse(text) as { error?: unknown }).error ?? text);
  } catch {
    return text.trim();
  }
}

/** @throws UsageError */
function urlOf({ url = LOCAL }: Values): string {
  if (!/^https?:\/\/./.test(url)) throw new UsageError(`--url must be like http://host:port, got "${url}"`);
  return url.replace(/\/$/, '');
}

/** @throws UsageError */
function tokenOf({ token }: Values, { env }: Edge): string {
  const found = token ?? env.FANFARE_ADMIN_TOKEN;
  if (found === undefined || found === '') throw new UsageError('no token: set FANFARE_ADMIN_TOKEN, or give --token');
  // What cannot be a header's value would be quoted in an error.
  if (!/^[!-~]+$/.test(found)) throw new UsageError('the token has a character that no token of the server has');
  return found;
}
