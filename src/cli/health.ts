// fanfare health: asks a running server whether it is well; the HEALTHCHECK of a container without other tools.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { type Command, exitCodes, parseOptions, refusePositionals, UsageError } from './command.ts';
import { configHelp, configOptions, flagsOf, reportMistakes } from './config-options.ts';
import { networkReason } from './network.ts';

const ANSWER_WITHIN_MS = 5000;

export const health: Command = {
  help: `Usage: fanfare health [--url URL] [options]

Asks for /health and exits with 0 when the answer is 200, else with 1. Without
--url it asks the server that \`fanfare start\` with the same options and the same
environment runs on this machine.

  --url URL          the server, with its path prefix if it has one
${configHelp}`,
  run: async (args, edge) => {
    const { values, positionals } = parseOptions(args, { ...configOptions, url: { type: 'string' } });
    refusePositionals(positionals);
    const { url: given, ...rest } = values;
    const loaded =
      given === undefined ? loadConfig({ flags: flagsOf(rest), env: edge.env, needsApps: false }) : undefined;
    if (loaded?.ok === false) {
      reportMistakes(edge, loaded.mistakes, '');
      return exitCodes.failed;
    }
    if (given !== undefined && !/^https?:\/\/./.test(given)) {
      throw new UsageError(`--url must be like http://host:port, got "${given}"`);
    }
    const url = `${(given ?? (loaded?.ok ? localUrl(loaded.config) : '')).replace(/\/$/, '')}/health`;
    try {
      const { status, body } = await get(url, given !== undefined);
      if (status === 200) edge.out(body);
      else edge.err(`fanfare: ${url} answered ${status} ${body}`.trimEnd());
      return status === 200 ? exitCodes.ok : exitCodes.failed;
    } catch (error) {
      edge.err(`fanfare: cannot reach ${url}: ${networkReason(error)}`);
      return exitCodes.failed;
    }
  },
};

/** Where this machine reaches the server of this configuration. */
function localUrl({ host, port, path, tls }: Config): string {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${tls === undefined ? 'http' : 'https'}://${address.includes(':') ? `[${address}]` : address}:${port}${path}`;
}

/** @param verify whether to check the certificate; our own is for another name than 127.0.0.1. */
function get(url: string, verify: boolean): Promise<{ status: number; body: string }> {
  const options = { rejectUnauthorized: verify, agent: false, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) } as const;
  const ask = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = ask(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: body.trim() }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end();
  });
}
