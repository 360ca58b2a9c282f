// Bodies of authorization requests, as forms and JSON parse to objects.
import { describe, expect, it } from 'vitest';
import { parseAuthorization } from '../../src/protocol/authorization-request.ts';

const socket_id = '12.34';

describe('parseAuthorization', () => {
  it('takes one channel', () => {
    expect(parseAuthorization({ socket_id, channel_name: 'private-a' })).toEqual({
      socketId: '12.34',
      channels: ['private-a'],
      several: undefined,
      fields: {},
    });
  });

  it('takes no channel, for sign-ins', () => {
    expect(parseAuthorization({ socket_id }).channels).toEqual([]);
  });

  it.each<[string, object]>([
    ['channel_name[] repeated', { 'channel_name[]': ['private-a', 'private-b', 'private-a'] }],
    ['channel_name repeated, or a JSON array', { channel_name: ['private-a', 'private-b', 'private-a'] }],
  ])('takes several as %s, each once', (_, body) => {
    expect(parseAuthorization({ socket_id, ...body })).toMatchObject({
      channels: ['private-a', 'private-b'],
      several: 'listed',
    });
  });

  it('answers one of a list as a list', () => {
    expect(parseAuthorization({ socket_id, 'channel_name[]': 'private-a' })).toMatchObject({
      channels: ['private-a'],
      several: 'listed',
    });
  });

  it('takes several as the pusher-js-auth plugin sends them', () => {
    const body = { socket_id, 'channel_name[0]': 'private-a', 'channel_name[1]': 'private-b' };
    expect(parseAuthorization(body)).toEqual({
      socketId: '12.34',
      channels: ['private-a', 'private-b'],
      several: 'wrapped',
      fields: {},
    });
  });

  it('keeps what else is there', () => {
    const body = { socket_id, channel_name: 'private-a', _token: 'x', nested: { a: 1 } };
    expect(parseAuthorization(body).fields).toEqual({ _token: 'x', nested: { a: 1 } });
  });

  it.each<[string, unknown, string]>([
    ['no socket_id', { channel_name: 'a' }, 'Missing required parameter: socket_id'],
    ['an empty socket_id', { socket_id: '' }, 'Missing required parameter: socket_id'],
    ['a socket_id that is a number', { socket_id: 12.34 }, 'Invalid socket_id: expected a string'],
    ['two socket_ids', { socket_id: ['1.2', '3.4'] }, 'Invalid socket_id: expected a string'],
    ['a malformed socket_id', { socket_id: '1' }, 'Invalid socket id 1'],
    ['a socket_id with more behind it', { socket_id: '1.2:private-b' }, 'Invalid socket id 1.2:private-b'],
    ['a socket_id with a line behind it', { socket_id: '1.2\n' }, 'Invalid socket id 1.2\n'],
    ['a channel that is a number', { socket_id, channel_name: 7 }, 'Invalid channel_name: expected a string'],
    ['a channel that is empty', { socket_id, channel_name: '' }, 'Missing required parameter: channel_name'],
    ['a channel that is null', { socket_id, channel_name: null }, 'Invalid channel_name: expected a string'],
    ['a list with an object', { socket_id, channel_name: ['a', {}] }, 'Invalid channel_name: expected a string'],
    [
      'a hundred and one channels',
      { socket_id, channel_name: Array.from({ length: 101 }, (_, n) => `private-${n}`) },
      'Invalid channel_name: at most 100 channels at once',
    ],
    ['a list', [socket_id], 'The request body must be a form or a JSON object with socket_id and channel_name.'],
    ['null', null, 'The request body must be a form or a JSON object with socket_id and channel_name.'],
    ['nothing', undefined, 'The request body must be a form or a JSON object with socket_id and channel_name.'],
  ])('refuses %s', (_, body, message) => {
    expect(() => parseAuthorization(body)).toThrow(expect.objectContaining({ status: 400, message }));
  });
});
