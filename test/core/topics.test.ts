// Topics of apps, channels and users are never the same text for two things.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { channelTopic, userTopic, watchersTopic } from '../../src/core/topics.ts';

const appId = fc.stringMatching(/^[A-Za-z0-9_.-]{1,4}$/);
const name = fc.oneof(fc.constantFrom('c/x', '/u/7', 'a/c/b', ''), fc.string({ maxLength: 4 }));

test('no two topics of two apps, kinds or names are the same', () => {
  const topic = fc.tuple(appId, fc.constantFrom(channelTopic, userTopic, watchersTopic), name);
  fc.assert(
    fc.property(topic, topic, ([app, kind, text], [otherApp, otherKind, otherText]) => {
      const same = app === otherApp && kind === otherKind && text === otherText;
      expect(kind(app, text) === otherKind(otherApp, otherText)).toBe(same);
    }),
    { numRuns: 1000 },
  );
});
