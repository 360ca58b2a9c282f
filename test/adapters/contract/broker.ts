// What every broker does: moves messages between the nodes that listen, and nothing else.
import { describe, expect, test } from 'vitest';
import { textFrame } from '../../../src/protocol/frame.ts';
import { awkwardTexts, Deliveries, type MakeCluster } from './cluster.ts';

const text = (value: string) => ({ type: 'frame', frame: textFrame(value) }) as const;

export function brokerContract(name: string, make: MakeCluster): void {
  describe(`${name}: broker`, () => {
    test('delivers what is published on a topic once its subscription has resolved', async () => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      await cluster.node.broker.subscribe('app/c/room');
      await cluster.other.broker.publish('app/c/room', text('hello'));
      expect(await deliveries.nextText()).toBe('app/c/room hello');
    });

    test('delivers to the publishing node as to any other, and once', async () => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      await cluster.node.broker.subscribe('app/c/room');
      await cluster.node.broker.publish('app/c/room', text('first'));
      await cluster.node.broker.publish('app/c/room', text('second'));
      expect(await deliveries.nextText()).toBe('app/c/room first');
      expect(await deliveries.nextText()).toBe('app/c/room second');
    });

    test('keeps the order of a topic, also when nobody waits between two publishes', async () => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      await cluster.node.broker.subscribe('app/c/room');
      const numbers = Array.from({ length: 500 }, (_, index) => index);
      await Promise.all(numbers.map((number) => cluster.other.broker.publish('app/c/room', text(`${number}`))));
      const delivered: string[] = [];
      for (const _ of numbers) delivered.push(await deliveries.nextText());
      expect(delivered).toEqual(numbers.map((number) => `app/c/room ${number}`));
    });

    test('delivers nothing of a topic that was never subscribed', async () => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      await cluster.node.broker.subscribe('app/c/room');
      for (const topic of ['app/c/roo', 'app/c/room2', 'app/c/*', 'other/c/room', 'app/u/room']) {
        await cluster.other.broker.publish(topic, text('astray'));
      }
      await cluster.other.broker.publish('app/c/room', text('last'));
      expect(await deliveries.nextText()).toBe('app/c/room last');
    });

    test('does not take a topic for a pattern', async () => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      await cluster.node.broker.subscribe('app/c/*');
      await cluster.node.broker.subscribe('app/c/[a-z]?');
      await cluster.other.broker.publish('app/c/room', text('astray'));
      await cluster.other.broker.publish('app/c/ab', text('astray'));
      await cluster.other.broker.publish('app/c/*', text('last'));
      expect(await deliveries.nextText()).toBe('app/c/* last');
    });

    test('carries every byte of a frame unchanged', async () => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      await cluster.node.broker.subscribe('app/c/room');
      const frames = [
        textFrame(''),
        textFrame('\n\n{"a":1}\r\n'),
        textFrame(String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code))),
        textFrame('ÿ'.repeat(100_000)),
      ];
      for (const frame of frames) {
        await cluster.other.broker.publish('app/c/room', { type: 'frame', frame, except: '1.2' });
        const [, message] = await deliveries.next();
        expect(message.type === 'frame' && frame.equals(message.frame)).toBe(true);
      }
    });

    test.each(awkwardTexts)('tells topics apart whatever their names: %j', async (awkward) => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      await cluster.node.broker.subscribe(`app/c/${awkward}`);
      await cluster.other.broker.publish(`app/c/${awkward}`, text(awkward));
      expect(await deliveries.nextText()).toBe(`app/c/${awkward} ${awkward}`);
    });

    test('carries the socket that is excepted, and the absence of one', async () => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      await cluster.node.broker.subscribe('app/c/room');
      await cluster.other.broker.publish('app/c/room', { ...text('a'), except: '12.34' });
      await cluster.other.broker.publish('app/c/room', { ...text('b'), except: undefined });
      expect(await deliveries.next()).toEqual(['app/c/room', { ...text('a'), except: '12.34' }]);
      const [, message] = await deliveries.next();
      expect(message.type === 'frame' && message.except).toBe(undefined);
    });

    test('carries a termination, in its place among the frames', async () => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      await cluster.node.broker.subscribe('app/u/7');
      await cluster.other.broker.publish('app/u/7', text('before'));
      await cluster.other.broker.publish('app/u/7', { type: 'terminate' });
      await cluster.other.broker.publish('app/u/7', text('after'));
      expect(await deliveries.nextText()).toBe('app/u/7 before');
      expect(await deliveries.nextText()).toBe('app/u/7 terminate');
      expect(await deliveries.nextText()).toBe('app/u/7 after');
    });

    test.each(awkwardTexts)('carries the removal from a channel, whatever its name: %j', async (channel) => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      await cluster.node.broker.subscribe('app/u/7');
      await cluster.other.broker.publish('app/u/7', { type: 'unsubscribe', channel });
      expect(await deliveries.next()).toEqual(['app/u/7', { type: 'unsubscribe', channel }]);
    });

    test('delivers once again after a topic was left and taken up at once', async () => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      const { broker } = cluster.node;
      await broker.subscribe('app/c/room');
      broker.unsubscribe('app/c/room');
      await broker.subscribe('app/c/room');
      broker.unsubscribe('app/c/room');
      broker.unsubscribe('app/c/never');
      await broker.subscribe('app/c/room');
      await cluster.other.broker.publish('app/c/room', text('one'));
      await cluster.other.broker.publish('app/c/room', text('two'));
      expect(await deliveries.nextText()).toBe('app/c/room one');
      expect(await deliveries.nextText()).toBe('app/c/room two');
    });

    test('goes on with the other topics when one is left', async () => {
      const deliveries = new Deliveries();
      await using cluster = await make(deliveries.deliver);
      const { broker } = cluster.node;
      await Promise.all([broker.subscribe('app/c/a'), broker.subscribe('app/c/b')]);
      broker.unsubscribe('app/c/a');
      await cluster.other.broker.publish('app/c/b', text('still here'));
      expect(await deliveries.nextText()).toBe('app/c/b still here');
    });

    test('may be stopped twice', async () => {
      await using cluster = await make(new Deliveries().deliver);
      await cluster.node.broker.stop();
      await expect(cluster.node.broker.stop()).resolves.toBe(undefined);
    });
  });
}
