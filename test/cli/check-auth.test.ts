// fanfare check on auth: what it explains of an app's rules, and its answer for one user and channel.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { AppAuthorizer } from '../../src/auth/authorizer.ts';
import { check } from '../../src/cli/check.ts';
import { UsageError } from '../../src/cli/command.ts';
import { appSchema } from '../../src/core/app.ts';
import { callerWith } from '../auth/support/tokens.ts';
import { tokenOf } from '../support/authorization.ts';
import { run } from './recording-edge.ts';

const secret = 'a secret of thirty-two bytes, yes';
const bearer = { secret, userInfo: { name: 'name', picture: 'avatar.url' } };
const upstream = { url: 'http://127.0.0.1:8000/broadcasting/auth' };
const rules = [
  { channel: 'private-user.{sub}' },
  { channel: 'presence-conversation.{conversations}' },
  { channel: 'private-encrypted-team.{team}' },
  { channel: 'presence-lobby', allow: 'authenticated' },
  { channel: 'private-*', allow: 'authenticated' },
];
const chat = { id: 'chat', key: 'chat-key', secret: 's', auth: { bearer, rules } };
const ada = { sub: 7, name: 'Ada', conversations: ['1', '2'], team: 'red', exp: 2e9 };

type Settings = Record<string, unknown>;
const envOf = (...apps: readonly Settings[]) => ({ FANFARE_APPS: JSON.stringify(apps) });
const withAuth = (auth: Settings, rest: Settings = {}) => ({ ...chat, ...rest, auth });

/** What follows the table of keys. */
async function explained(apps: readonly Settings[], args: readonly string[] = []): Promise<readonly string[]> {
  const { code, out, err } = run(check, args, { env: envOf(...apps) });
  expect([await code, err]).toEqual([0, []]);
  return out.slice(out.indexOf('') < 0 ? out.length : out.indexOf(''));
}

describe('fanfare check explains auth:', () => {
  it('where it answers, who is asked, and each rule', async () => {
    const settings = { ...bearer, cookie: 'token', issuer: 'https://id.example/', audience: ['a', 'b'] };
    const all = [...rules, { channel: 'presence-{org.id}.{team}', allow: 'upstream' }];
    const auth = { bearer: settings, upstream, rules: all };
    expect(await explained([withAuth(auth), { id: 'none', key: 'none', secret: 's' }])).toEqual([
      '',
      'App chat has an authorization endpoint of its own (auth).',
      '  Channels:  POST /broadcasting/auth or /pusher/auth',
      '  Sign-ins:  POST /broadcasting/user-auth or /pusher/user-auth',
      '  Encrypted channels:  not configured: private-encrypted-… is refused until encryptionMasterKey is set',
      '  Users are known by, in this order:',
      '    1. bearer: a JSON Web Token, signed with a shared secret (HS256)',
      '       in the Authorization header, or else the cookie token',
      '       of the issuer https://id.example/',
      '       for the audience a or b',
      '       user_id is the claim sub; user_info has name, picture (claim avatar.url)',
      '    2. upstream: your application at http://127.0.0.1:8000/broadcasting/auth',
      '       nobody signs in this way: there is no userUrl',
      '  The first rule that fits the channel’s name decides:',
      '    1. private-user.{sub}                     users with the text of that place in the claim sub',
      '    2. presence-conversation.{conversations}  users with the text of that place in the claim conversations',
      '    3. private-encrypted-team.{team}          users with the text of that place in the claim team',
      '    4. presence-lobby                         every known user',
      '    5. private-*                              every known user',
      '    6. presence-{org.id}.{team}               users with the texts of those places in the claims org.id and ' +
        'team, if your application allows them',
      '    No rule: refused.',
    ]);
  });

  it('nothing where no app has it', async () => {
    expect(await explained([{ id: 'none', key: 'none', secret: 's' }])).toEqual([]);
  });

  it('paths with the prefix, and with the key where several apps have it', async () => {
    const other = { ...chat, id: 'other', key: 'other-key', encryptionMasterKey: Buffer.alloc(32).toString('base64') };
    const lines = await explained([chat, other], ['--path', '/ws']);
    expect(lines).toContain('  Channels:  POST /ws/broadcasting/auth/chat-key or /ws/pusher/auth/chat-key');
    expect(lines).toContain('  Sign-ins:  POST /ws/broadcasting/user-auth/other-key or /ws/pusher/user-auth/other-key');
    expect(lines).toContain('  Encrypted channels:  configured');
  });

  it.each<[settings: object, text: string]>([
    [{ secret }, 'signed with a shared secret (HS256)'],
    [{ secret, algorithms: ['HS512'] }, 'signed with a shared secret (HS512)'],
    [{ jwksUrl: 'https://id.example/keys?k=hush' }, 'signed with a key of the set at https://id.example/keys?********'],
    [
      { jwksUrl: 'https://id.example/', algorithms: ['RS256', 'ES256'] },
      'signed with a key (RS256, ES256) of the set at https://id.example/',
    ],
  ])('the key of tokens, %j', async (settings, text) => {
    const lines = await explained([withAuth({ bearer: settings })]);
    expect(lines).toContain(`    1. bearer: a JSON Web Token, ${text}`);
    expect(lines).toContain('       user_id is the claim sub; user_info has nothing');
  });

  it.each<[settings: object, missing: string]>([
    [{}, 'issuer and audience'],
    [{ issuer: 'https://id.example/' }, 'audience'],
    [{ audience: ['chat'] }, 'issuer'],
  ])('that a key set is others’ too, of %j', async (settings, missing) => {
    const app = withAuth({ bearer: { jwksUrl: 'https://id.example/keys', ...settings } });
    const text = `without ${missing}, tokens are taken that were made for other applications`;
    expect(await explained([app])).toContain(`       Warning: ${text}.`);
  });

  it('nothing of the kind about keys of one’s own, or with both', async () => {
    const both = { issuer: 'https://id.example/', audience: ['chat'] };
    for (const settings of [{ secret }, { jwksUrl: 'https://id.example/keys', ...both }]) {
      expect((await explained([withAuth({ bearer: settings })])).join()).not.toContain('Warning');
    }
  });

  it('sources in their order, and those that are left out of it', async () => {
    const lines = await explained([withAuth({ bearer, upstream, order: ['upstream', 'bearer'] })]);
    expect(lines.filter((line) => /^ {4}\d\./.test(line)).map((line) => line.trim().split(':')[0])).toEqual([
      '1. upstream',
      '2. bearer',
    ]);
    const one = await explained([withAuth({ bearer, upstream, order: ['bearer'] })]);
    expect(one).toContain('    The application is asked only where a rule says upstream: order does not name it.');
    const other = await explained([withAuth({ bearer, upstream, order: ['upstream'] })]);
    expect(other).toContain('    Tokens are not looked at: order does not name bearer.');
  });

  it('where users sign in through the application', async () => {
    const userUrl = 'http://127.0.0.1:8000/user?token=hush';
    const lines = await explained([withAuth({ upstream: { ...upstream, userUrl } })]);
    expect(lines).toContain('       sign-ins at http://127.0.0.1:8000/user?********');
  });
});

describe('fanfare check warns of a rule', () => {
  /** The warning under the last of these patterns. */
  async function warning(patterns: readonly string[]): Promise<string | undefined> {
    const rules = patterns.map((channel) => ({ channel, allow: 'authenticated' }));
    const lines = await explained([withAuth({ bearer, rules })]);
    const warnings = lines.filter((line) => line.includes('Warning'));
    return warnings.length === 0 ? undefined : warnings[0]?.trim();
  }

  it.each([
    [['*', 'private-x']],
    [['private-*', 'private-user.{sub}']],
    [['private-{a}', 'private-{b}']],
    [['private-{a}', 'private-{b}-{c}']],
    [['private-{a}*', 'private-{b}']],
    [['private-*', 'private-*-*']],
    [['private-x', 'private-x']],
    [['presence-*.{a}', 'presence-{b}.{c}']],
  ])('that never decides: %j', async (patterns) => {
    expect(await warning(patterns)).toBe('Warning: never decides, as rule 1 always fits first.');
  });

  it('that several earlier ones leave nothing to', async () => {
    expect(await warning(['private-a', 'private-a{x}', 'private-a*'])).toBe(
      'Warning: never decides, as rules 1 and 2 always fit first.',
    );
  });

  it.each([
    [['private-user.{sub}', 'private-*']],
    [['private-{a}', 'private-*']],
    [['private-{a}{b}', 'private-{c}']],
    [['private-x', 'private-x.{a}']],
    [['private-{a}.x', 'private-{a}']],
    [['private-*', 'presence-*', '*']],
    [['private-*', `private-${'*x'.repeat(9)}`]],
  ])('only when that is certain: not for %j', async (patterns) => {
    expect(await warning(patterns)).toBeUndefined();
  });
});

describe('fanfare check --channel', () => {
  const masterKey = { encryptionMasterKey: Buffer.alloc(32).toString('base64') };
  const ask = async (app: Settings, channel: string, claims: unknown) => {
    const asked = run(check, ['--channel', channel, '--claims', '-'], {
      env: envOf(app),
      input: JSON.stringify(claims),
    });
    return [await asked.code, ...asked.out];
  };

  it('prints which rule allows the user, and whom the grant names', async () => {
    expect(await ask(chat, 'presence-conversation.2', { ...ada, avatar: { url: '/ada.png' } })).toEqual([
      0,
      'presence-conversation.2 of app chat: allowed',
      'Rule 2, presence-conversation.{conversations}, decides: the claim conversations is "1", "2".',
      'The grant names user_id "7" with user_info {"name":"Ada","picture":"/ada.png"}.',
    ]);
    expect(await ask(chat, 'private-user.7', ada)).toEqual([
      0,
      'private-user.7 of app chat: allowed',
      'Rule 1, private-user.{sub}, decides: the claim sub is "7".',
    ]);
  });

  it('prints what other grants name', async () => {
    const named = withAuth({ bearer, rules, grants: 'named' });
    const expiring = withAuth({ bearer, rules, grants: 'expiring' });
    expect((await ask(named, 'private-x', ada)).at(-1)).toBe('The grant names user_id "7".');
    for (const app of [named, expiring, withAuth({ bearer, rules })]) {
      expect((await ask(app, 'private-x', {})).at(-1)).toBe('But it lacks a user: there is no usable claim sub.');
    }
    expect((await ask(expiring, 'private-x', ada)).at(-1)).toBe(
      'The grant names user_id "7", and ends with the token.',
    );
    expect((await ask(expiring, 'presence-lobby', { sub: 'x' })).at(-1)).toBe(
      'The grant names user_id "x" with user_info {}.',
    );
  });

  it('prints which rule refuses the user, and ends with 1', async () => {
    expect(await ask(chat, 'presence-conversation.3', ada)).toEqual([
      1,
      'presence-conversation.3 of app chat: refused',
      'Rule 2, presence-conversation.{conversations}, decides: the claim conversations is "1", "2".',
    ]);
    expect(await ask(chat, 'private-user.8', {})).toEqual([
      1,
      'private-user.8 of app chat: refused',
      'Rule 1, private-user.{sub}, decides: there is no claim sub.',
      'Rule 5 would allow it, but is not asked.',
    ]);
  });

  it.each<[channel: string, app: Settings, claims: Settings, reason: string]>([
    ['presence-x', chat, ada, 'No rule fits its name.'],
    ['private-encrypted-team.red', chat, ada, 'But encrypted channels are not configured: set encryptionMasterKey.'],
    ['presence-lobby', chat, { id: 7 }, 'But it lacks a user: there is no usable claim sub.'],
    ['private-x', chat, { sub: 'x'.repeat(129) }, 'But the user’s id, the claim sub, has more than 128 characters.'],
    [
      'presence-lobby',
      chat,
      { sub: 7, name: 'x'.repeat(2048) },
      'But user_info is larger than 2048 bytes (limits.memberInfoBytes).',
    ],
    ['private x', chat, ada, 'That is no name of a channel: allowed are A-Z a-z 0-9 _ - = @ , . and ;'],
    [
      'private-a:b',
      { ...chat, anyChannelName: true },
      ada,
      'That is no name of a channel: allowed are printable characters but ":", and no "#" first',
    ],
    ['#server-to-user-7', chat, ada, 'That is no name of a channel: allowed are A-Z a-z 0-9 _ - = @ , . and ;'],
    [`private-${'x'.repeat(200)}`, chat, ada, 'A name has 200 characters at most.'],
  ])('ends with 1 for %s', async (channel, app, claims, reason) => {
    const [code, verdict, ...reasons] = await ask(app, channel, claims);
    expect([code, verdict, reasons.at(-1)]).toEqual([1, `${channel} of app chat: refused`, reason]);
  });

  it('says that public channels are for everybody', async () => {
    expect(await ask(chat, 'news', ada)).toEqual([
      0,
      'news of app chat: allowed',
      'Everybody may join: only private- and presence- channels are guarded.',
    ]);
  });

  it('says that the application decides', async () => {
    const asking = [
      { channel: 'private-{team}', allow: 'upstream' },
      { channel: '*', allow: 'upstream' },
    ];
    const decides = 'What your application answers decides, and may name the user.';
    expect(await ask(withAuth({ bearer, upstream, rules: asking }), 'private-red', ada)).toEqual([
      0,
      'private-red of app chat: the application decides',
      'Rule 1, private-{team}, decides: the claim team is "red".',
      decides,
    ]);
    expect(await ask(withAuth({ bearer, upstream, rules: asking }), 'presence-red', {})).toEqual([
      0,
      'presence-red of app chat: the application decides',
      'Rule 2, *, decides: your application is asked.',
      decides,
    ]);
    expect((await ask(withAuth({ upstream, rules }), 'presence-lobby', {})).slice(1)).toEqual([
      'presence-lobby of app chat: the application decides',
      'Rule 4, presence-lobby, decides: your application is asked.',
      decides,
    ]);
  });

  it('answers as the endpoint would', async () => {
    const channels = ['private-user.7', 'private-user.8', 'presence-conversation.1', 'presence-conversation.3'];
    const more = ['private-encrypted-team.red', 'presence-lobby', 'private-x', 'presence-x'];
    const users = [ada, {}, { sub: 'x'.repeat(129), team: 'red' }, { sub: '7', name: 'x'.repeat(2048) }];
    const authorizer = new AppAuthorizer(
      { appIdOf: () => undefined, deniedSeconds: async () => 0 },
      pino({ level: 'silent' }),
    );
    for (const settings of [chat, { ...chat, ...masterKey }, withAuth({ bearer, rules, grants: 'expiring' })]) {
      const app = appSchema.parse(settings);
      for (const channel of [...channels, ...more]) {
        for (const claims of users) {
          const caller = callerWith({ authorization: `Bearer ${await tokenOf(claims, secret)}` });
          const [granted] = await Promise.allSettled([authorizer.authorizeChannel(app, caller, '1.2', channel)]);
          const [code] = await ask(settings, channel, claims);
          expect([channel, claims, granted.status]).toEqual([channel, claims, code === 0 ? 'fulfilled' : 'rejected']);
        }
      }
    }
  });
});

describe('the arguments of fanfare check', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-claims-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const asking = (args: readonly string[], ...apps: readonly Settings[]) =>
    run(check, args, { env: envOf(...apps), input: JSON.stringify(ada) });
  const claims = ['--channel', 'private-user.7', '--claims', '-'];

  it('take claims out of a file', async () => {
    const { code, out } = asking(['--channel', 'private-user.7', '--claims', file('ada.json', '{"sub":7}')], chat);
    expect([await code, out[0]]).toEqual([0, 'private-user.7 of app chat: allowed']);
  });

  it('name the app where several have auth', async () => {
    const other = { ...chat, id: 'other', key: 'other', auth: { bearer, rules: [] } };
    const { code, out } = asking([...claims, '--app', 'other'], chat, other);
    expect([await code, out[0]]).toEqual([1, 'private-user.7 of app other: refused']);
    await expect(asking(claims, chat, other).code).rejects.toThrow(
      new UsageError('which app? Give --app with one of chat, other'),
    );
  });

  it('need not name the only app that has auth', async () => {
    expect(await asking(claims, { id: 'none', key: 'none', secret: 's' }, chat).code).toBe(0);
  });

  it.each([
    [['--claims', '-'], '--channel is missing: which channel would the user join?'],
    [['--app', 'chat'], '--channel is missing: which channel would the user join?'],
    [['--channel', 'private-x'], '--claims is missing: what does the user’s token say?'],
    [[...claims, '--app', 'nope'], '--app: no app with auth has the id nope; there is chat'],
    [['--channel', 'x', '--claims', '/nope.json'], '--claims: /nope.json: there is no such file'],
  ])('that make no sense are refused: %j', async (args, reason) => {
    await expect(asking(args, chat).code).rejects.toThrow(new UsageError(reason));
  });

  it('are refused where no app has auth', async () => {
    const reason = 'no app has auth: joins are signed by your application, not by Fanfare';
    const app = { id: 'none', key: 'none', secret: 's' };
    await expect(asking(claims, app).code).rejects.toThrow(new UsageError(reason));
  });

  it.each(['', 'hush', '[1]', '"x"', 'null', '5'])('name claims that are no JSON object: %j', async (text) => {
    const name = file('claims.json', text);
    const expected = 'expected a JSON object of claims, such as {"sub":"7"}';
    await expect(asking(['--channel', 'x', '--claims', name], chat).code).rejects.toThrow(
      new UsageError(`--claims: ${name}: ${expected}`),
    );
    const { code } = run(check, ['--channel', 'x', '--claims', '-'], { env: envOf(chat), input: text });
    await expect(code).rejects.toThrow(new UsageError(`--claims: the standard input: ${expected}`));
  });

  it('do not hide mistakes of the configuration', async () => {
    const { code, out, err } = asking(claims, { ...chat, size: 1 });
    expect([await code, out, err]).toEqual([
      78,
      [],
      ['fanfare: the configuration has a mistake:', '  apps[0].size (FANFARE_APPS): unknown key'],
    ]);
  });
});
