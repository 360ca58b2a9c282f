// fanfare health against the real server.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/command.ts';
import { health } from '../../src/cli/health.ts';
import { startServer } from '../support/server.ts';
import { run } from './recording-edge.ts';

describe('fanfare health', () => {
  it('finds the server of its own configuration, also without its apps', async () => {
    await using server = await startServer({}, { path: '/ws' });
    const { code, out } = run(health, [], { env: { FANFARE_PORT: String(server.port), FANFARE_PATH: '/ws' } });
    expect(await code).toBe(0);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({ status: 'ok' });
    expect(await run(health, ['--port', String(server.port), '--path', '/ws']).code).toBe(0);
    expect(await run(health, ['--url', `${server.url}/`]).code).toBe(0);
  });

  it('ends with 1 at any other answer', async () => {
    const server = createServer((_, response) => response.writeHead(503).end('stopping'));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, err } = run(health, ['--url', url]);
    expect(await code).toBe(1);
    expect(err).toEqual([`fanfare: ${url}/health answered 503 stopping`]);
    await new Promise((resolve) => server.close(resolve));
    const refused = run(health, ['--url', url]);
    expect(await refused.code).toBe(1);
    expect(refused.err).toEqual([`fanfare: cannot reach ${url}/health: connection refused, is the server running?`]);
  });

  it('ends with 1 when it cannot know where the server is', async () => {
    const { code, err } = run(health, [], { env: { FANFARE_PORT: 'x' } });
    expect(await code).toBe(1);
    expect(err[1]).toBe('  port (FANFARE_PORT): expected a whole number, got "x"');
    await expect(run(health, ['--url', 'x']).code).rejects.toThrow(
      new UsageError('--url must be like http://host:port, got "x"'),
    );
  });
});
