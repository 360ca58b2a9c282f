// Announcements: every listener hears each, and none hurts another.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { type Fact, Facts } from '../../src/core/facts.ts';

const fact: Fact = { type: 'channel_occupied', appId: 'app', channel: 'news' };

function facts(): { facts: Facts; logged: Record<string, unknown>[] } {
  const logged: Record<string, unknown>[] = [];
  return { facts: new Facts(pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) })), logged };
}

test('tells every listener, in the order they came', () => {
  const heard: string[] = [];
  const { facts: announced } = facts();
  announced.listen(({ type }) => heard.push(`first ${type}`));
  announced.listen(({ type }) => heard.push(`second ${type}`));
  announced.announce(fact);
  expect(heard).toEqual(['first channel_occupied', 'second channel_occupied']);
});

test('a listener that stopped hears no more', () => {
  const heard: Fact[] = [];
  const { facts: announced } = facts();
  const stop = announced.listen((one) => heard.push(one));
  announced.announce(fact);
  stop();
  stop();
  announced.announce(fact);
  expect(heard).toEqual([fact]);
});

test('a listener that throws is logged and hurts nobody', () => {
  const heard: Fact[] = [];
  const { facts: announced, logged } = facts();
  announced.listen(() => {
    throw new Error('broken');
  });
  announced.listen((one) => heard.push(one));
  expect(() => announced.announce(fact)).not.toThrow();
  expect(heard).toEqual([fact]);
  expect(logged).toMatchObject([
    { level: 50, msg: 'a fact listener failed', fact: 'channel_occupied', err: { message: 'broken' } },
  ]);
});
