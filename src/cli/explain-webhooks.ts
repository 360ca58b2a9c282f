// What the webhooks of each app come to, in lines for `fanfare check`. Values of headers and queries of URLs are masked.
import type { Config } from '../config/schema.ts';
import { MASK, maskedUrl } from '../config/secrets.ts';

type Webhook = Config['apps'][number]['webhooks'][number];

export function webhookLines({ apps }: Config): string[] {
  return apps.flatMap(({ id, webhooks }) =>
    webhooks.length === 0 ? [] : ['', `Webhooks of app ${id}:`, ...webhooks.flatMap(linesOf)],
  );
}

function linesOf({ url, events, channelStartsWith, channelEndsWith, headers }: Webhook): string[] {
  const filters = [
    ...(channelStartsWith === '' ? [] : [`start with ${channelStartsWith}`]),
    ...(channelEndsWith === '' ? [] : [`end with ${channelEndsWith}`]),
  ];
  const names = Object.keys(headers).map((name) => `${name}: ${MASK}`);
  return [
    `  ${maskedUrl(url)}`,
    `    ${events.join(', ')}`,
    ...(filters.length === 0 ? [] : [`    of channels that ${filters.join(' and ')}`]),
    ...(names.length === 0 ? [] : [`    with ${names.join(', ')}`]),
  ];
}
