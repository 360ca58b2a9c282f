// The pino logger everyone is handed: level, form of the lines, and no secrets in them.
import type { DestinationStream, LevelWithSilent, Logger } from 'pino';
import { destination, pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

/** Fields that are never written, wherever in an entry's first three floors they stand. */
const SECRET_FIELDS = [
  'secret',
  'encryptionMasterKey',
  'password',
  'auth',
  'auth_signature',
  'signature',
  'token',
  'authorization',
  'cookie',
  'set-cookie',
];

/** A last line of defence; what logs should not have them to log. */
const redactedPaths = SECRET_FIELDS.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]);

export interface LogOptions {
  readonly level: LevelWithSilent;
  /** One JSON object a line, or lines for people. */
  readonly format: 'json' | 'pretty';
}

/**
 * Writes to the standard output at once: what was logged before an exit is there.
 * @param output another destination, for tests; it is never coloured.
 */
export function createLog({ level, format }: LogOptions, output?: DestinationStream): Logger {
  const redact = { paths: redactedPaths, censor: '[secret]' };
  if (format === 'json') {
    const formatters = { level: (label: string) => ({ level: label }) };
    const options = { level, redact, formatters, timestamp: pino.stdTimeFunctions.isoTime };
    // Pino's own default hands lines to another thread: one in flight at the exit came after those that followed it.
    return pino(options, output ?? destination({ sync: true }));
  }
  const pretty = PinoPretty({
    colorize: output === undefined && process.stdout.isTTY && process.stdout.hasColors(),
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
    sync: true,
    ...(output === undefined ? {} : { destination: output as NodeJS.WritableStream }),
  });
  return pino({ level, redact }, pretty);
}
