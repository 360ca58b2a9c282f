// Which addresses are refused, and that it is the one that is connected to.
import { describe, expect, test } from 'vitest';
import { guardedLookup, isRefusedAddress, RefusedAddress, refuseLiteral } from '../../src/webhooks/address-guard.ts';

describe('an address', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
  ])('%s is refused', (address) => {
    expect(isRefusedAddress(address)).toBe(true);
  });

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.1',
    '192.167.1.1',
    '223.255.255.255',
    '2606:4700::1111',
  ])('%s is not', (address) => {
    expect(isRefusedAddress(address)).toBe(false);
  });
});

describe('a URL with an address in it', () => {
  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]:8080/',
    'http://[::ffff:10.0.0.1]/',
  ])('%s is refused, however it is written', (url) => {
    expect(() => refuseLiteral(new URL(url))).toThrow(RefusedAddress);
  });

  test.each(['http://8.8.8.8/', 'http://[2606:4700::1111]/', 'http://localhost/', 'http://example.com/'])(
    '%s is not: names are looked up when they are connected to',
    (url) => {
      expect(() => refuseLiteral(new URL(url))).not.toThrow();
    },
  );
});

describe('a look-up', () => {
  const resolve = (hostname: string, options: Parameters<typeof guardedLookup>[1]) =>
    new Promise<unknown[]>((done) => guardedLookup(hostname, options, (...args) => done(args)));

  test('of a name whose addresses are all refused fails', async () => {
    const [err] = await resolve('localhost', { all: true });
    expect(err).toBeInstanceOf(RefusedAddress);
    expect((err as Error).message).not.toContain('127');
  });

  test('gives what is left, one address or all', async () => {
    expect(await resolve('8.8.8.8', { all: true })).toEqual([null, [{ address: '8.8.8.8', family: 4 }]]);
    expect(await resolve('8.8.8.8', {})).toEqual([null, '8.8.8.8', 4]);
  });

  test('that fails says why', async () => {
    const [err] = await resolve('no-such-host.invalid', { all: true });
    expect(err).toMatchObject({ code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) });
  });
});
