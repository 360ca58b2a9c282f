// One request to a real HTTP server, whatever that does with it.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Webhook } from '../../src/core/app-webhooks.ts';
import { Sender, type SenderOptions } from '../../src/webhooks/sender.ts';
import { makeApp } from '../core/support/harness.ts';
import { makeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/redis.ts';
import { answer, hang, startReceiver } from './support/receiver.ts';

const pair = { key: 'app-key', secret: 'app-secret' };
const body = Buffer.from('{"time_ms":1,"events":[{"id":"1","name":"channel_occupied","channel":"é"}]}');

async function post(webhook: Partial<Webhook> & { url: string }, options: Partial<SenderOptions> = {}) {
  const sender = new Sender({ refusePrivateAddresses: false, version: '1.2.3', ...options });
  try {
    return await sender.send(makeApp({ webhooks: [webhook] }).webhooks[0]!, pair, body);
  } finally {
    await sender.stop();
  }
}

describe('REC webhooks §1: a request', () => {
  test('is signed over its very bytes, with the headers as libraries spell them', async () => {
    await using receiver = await startReceiver();
    expect(await post({ url: receiver.url, headers: { Authorization: 'Bearer t' } })).toEqual({ status: 200 });
    const [received] = receiver.requests;
    expect(received?.body).toBe(body.toString());
    const sent = new Map<string, string>();
    for (let at = 0; at < received!.rawHeaders.length; at += 2) {
      sent.set(received!.rawHeaders[at]!, received!.rawHeaders[at + 1]!);
    }
    expect(Object.fromEntries(sent)).toMatchObject({
      'Content-Type': 'application/json',
      'X-Pusher-Key': 'app-key',
      'X-Pusher-Signature': createHmac('sha256', 'app-secret').update(body).digest('hex'),
      'User-Agent': 'fanfare/1.2.3',
      Authorization: 'Bearer t',
    });
  });

  test('uses the connections there are', async () => {
    await using receiver = await startReceiver();
    const ports = new Set<number | undefined>();
    receiver.behave = (request, response) => {
      ports.add(request.socket.remotePort);
      response.end('ok');
    };
    const sender = new Sender({ refusePrivateAddresses: false, version: '1' });
    const webhook = makeApp({ webhooks: [{ url: receiver.url }] }).webhooks[0]!;
    for (let n = 0; n < 6; n += 1) expect(await sender.send(webhook, pair, body)).toEqual({ status: 200 });
    await sender.stop();
    await sender.stop();
    // One may still be busy with the end of the answer before.
    expect(ports.size).toBeLessThanOrEqual(2);
  });
});

describe('REC webhooks §5: an answer', () => {
  test.each([200, 201, 202, 204])('of %i is success', async (status) => {
    await using receiver = await startReceiver(answer(status));
    expect(await post({ url: receiver.url })).toEqual({ status });
  });

  test.each([400, 401, 404, 429, 500, 503])('of %i is a failure', async (status) => {
    await using receiver = await startReceiver(answer(status));
    expect(await post({ url: receiver.url })).toEqual({ status, reason: `answered ${status}` });
  });

  test('that redirects is a failure that says so, and is not followed', async () => {
    await using other = await startReceiver();
    await using receiver = await startReceiver(answer(302, { location: `${other.url}?token=hush` }));
    const to = `http://127.0.0.1:${other.port}`;
    expect(await post({ url: receiver.url })).toEqual({
      status: 302,
      reason: `answered 302, a redirect to ${to}: redirects are not followed`,
    });
    receiver.behave = answer(301, { location: '/elsewhere' });
    expect((await post({ url: receiver.url })).reason).toBe('answered 301, a redirect: redirects are not followed');
    expect(other.requests).toEqual([]);
  });

  test('of 304 leads nowhere', async () => {
    await using receiver = await startReceiver(answer(304));
    expect(await post({ url: receiver.url })).toEqual({ status: 304, reason: 'answered 304' });
  });

  test('with too many headers, or after a 100 that was not asked for, is a failure that says so', async () => {
    await using receiver = await startReceiver((_, response) => void response.end());
    receiver.behave = (_, response) => void response.writeHead(200, { 'x-long': 'x'.repeat(20_000) }).end();
    expect(await post({ url: receiver.url })).toEqual({ reason: 'it answered with more than 16 kB of headers' });
    receiver.behave = (_, response) => {
      response.writeContinue();
      response.writeHead(200).end();
    };
    expect(await post({ url: receiver.url })).toEqual({ reason: 'it answered 100 Continue, which was not asked for' });
  });

  test('of 2 MB is success, and not read', async () => {
    await using receiver = await startReceiver();
    let written = 0;
    const gone = new Promise<void>((resolve) => {
      receiver.behave = (_, response) => {
        response.on('close', resolve);
        // Not announced, so that it is its bytes that are too many.
        response.writeHead(200);
        const chunk = Buffer.alloc(64 * 1024, 'x');
        const more = () => {
          while (written < 2 * 1024 * 1024) {
            written += chunk.length;
            if (!response.write(chunk)) return void response.once('drain', more);
          }
        };
        more();
      };
    });
    expect(await post({ url: receiver.url })).toEqual({ status: 200 });
    await gone;
  });

  test('whose status is there and whose body never ends is success, when its time is over', async () => {
    await using receiver = await startReceiver((_, response) => void response.writeHead(200).write('…'));
    expect(await post({ url: receiver.url, timeoutSeconds: 1 })).toEqual({ status: 200 });
  });

  test('that does not come in time is a failure', async () => {
    await using receiver = await startReceiver(hang);
    expect(await post({ url: receiver.url, timeoutSeconds: 1 })).toEqual({ reason: 'no answer within 1 s' });
  });

  test('that comes slowly, but in time, is as good', async () => {
    await using receiver = await startReceiver((_, response) => void setTimeout(() => response.end('ok'), 300));
    expect(await post({ url: receiver.url })).toEqual({ status: 200 });
  });
});

describe('no answer, as', () => {
  test('the connection is reset', async () => {
    await using receiver = await startReceiver((request) => request.socket.resetAndDestroy());
    expect(await post({ url: receiver.url })).toEqual({ reason: 'the connection was reset' });
  });

  test('the connection ends', async () => {
    await using receiver = await startReceiver((request) => request.socket.end());
    expect(await post({ url: receiver.url })).toEqual({ reason: 'the connection was closed before an answer' });
  });

  test('nobody listens', async () => {
    expect(await post({ url: `http://127.0.0.1:${await freePort()}/` })).toEqual({ reason: 'connection refused' });
  });

  test('there is no such host', async () => {
    const { reason } = await post({ url: 'http://no-such-host.invalid/hook?token=hush' });
    expect(reason).toMatch(/^(there is no host of that name|the host name cannot be looked up now)$/);
  });

  test('it does not speak HTTP', async () => {
    const server = createServer((socket) => void socket.end('hello\r\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { reason } = await post({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
    server.close();
    expect(reason).toBe('it does not answer in HTTP');
  });

  test('its certificate is not trusted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fanfare-webhook-'));
    const { certFile, keyFile } = makeCertificate(folder);
    const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
    const server = createHttpsServer(tls, (_, response) => void response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const answered = await post({ url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/` });
    server.close();
    rmSync(folder, { recursive: true });
    expect(answered).toEqual({ reason: 'the certificate is self-signed' });
  });
});

describe('refusePrivateAddresses', () => {
  const reason = 'its address is loopback, private or otherwise not public, and webhooks.refusePrivateAddresses is on';

  test.each(['127.0.0.1', 'localhost', '[::1]'])('sends nothing to %s', async (host) => {
    await using receiver = await startReceiver();
    const url = `http://${host}:${receiver.port}/hook`;
    expect(await post({ url }, { refusePrivateAddresses: true })).toEqual({ reason });
    expect(receiver.requests).toEqual([]);
  });
});
