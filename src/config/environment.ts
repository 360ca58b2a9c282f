// The environment as the configuration sees it: variables that say something, with the place each was set.
import type { Source } from './draft.ts';
import { parseEnvFile } from './env-file.ts';
import type { ReadFile } from './read-file.ts';
import { readText } from './read-file.ts';

export interface Variable {
  readonly name: string;
  readonly value: string;
  /** `NAME`, or `NAME, .env:3` when an env file set it. */
  readonly source: Source;
}

export type Environment = ReadonlyMap<string, Variable>;

export type ProcessEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * The process's variables over those of the env file, empty ones left out.
 * @param refuse hears what is wrong with the file.
 */
export function readEnvironment(
  env: ProcessEnvironment,
  envFile: string | undefined,
  readFile: ReadFile,
  refuse: (mistake: string) => void,
): Environment {
  const variables = new Map<string, Variable>();
  const add = (name: string, value: string | undefined, where: string) => {
    if (value === undefined || value.trim() === '' || isServiceLink(name, value)) return;
    variables.set(name, { name, value, source: { kind: 'environment', where } });
  };
  if (envFile !== undefined) {
    const text = readText(envFile, readFile, (reason) => refuse(`--env-file: cannot read ${envFile}: ${reason}`));
    const { entries, badLines } = parseEnvFile(text ?? '', env);
    for (const line of badLines) refuse(`${envFile}:${line}: expected NAME=value`);
    for (const [name, { value, line }] of entries) add(name, value, `${name}, ${envFile}:${line}`);
  }
  for (const [name, value] of Object.entries(env)) add(name, value, name);
  return variables;
}

/**
 * Kubernetes gives every container variables of the services beside it: a service named "fanfare" makes
 * FANFARE_PORT=tcp://10.0.0.1:8080, one named "redis" REDIS_PORT. They are not meant for us.
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT(_\w+)?)$/.test(name) || /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name))
    return true;
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value);
}
