// A fact of core as the event an application is sent (webhooks.md §2). Pure.
import type { Fact } from '../core/facts.ts';
import type { WebhookEvent } from '../protocol/webhook.ts';

/** Ids are strings: Go's library decodes nothing else. */
export function eventOf(fact: Fact): WebhookEvent {
  switch (fact.type) {
    case 'channel_occupied':
    case 'channel_vacated':
    case 'cache_miss':
      return { name: fact.type, channel: fact.channel };
    case 'member_added':
    case 'member_removed':
      return { name: fact.type, channel: fact.channel, user_id: fact.userId };
    case 'subscription_count':
      return { name: fact.type, channel: fact.channel, subscription_count: fact.count };
    case 'client_event': {
      const { channel, event, data, socketId, userId } = fact;
      return { name: fact.type, channel, event, data, socket_id: socketId, ...(userId && { user_id: userId }) };
    }
    // PHP's library reads `channel` unasked.
    case 'connection_opened':
      return { name: fact.type, channel: '', socket_id: fact.socketId };
    case 'connection_closed':
      return { name: fact.type, channel: '', socket_id: fact.socketId, ...(fact.userId && { user_id: fact.userId }) };
    default:
      return fact satisfies never;
  }
}
