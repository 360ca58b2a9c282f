// The event of the load: data that carries a number and the time the event was due; 200 bytes but where a case says else.

export const EVENT = 'bench-event';
export const PAYLOAD_BYTES = 200;

const NUMBER_DIGITS = 10;
const TIME_DIGITS = 13;
/** Stands nowhere else in an event of the load, so that number and time are found without parsing. */
const MARK = 0x40; // @
const ZERO = 0x30;

/** Microseconds of this process's clock. */
export function nowUs(): number {
  return Math.round(performance.now() * 1000);
}

/** JSON of exactly so many bytes. Every event of a case is as long as any other. */
export function eventData(number: number, dueUs: number, bytes = PAYLOAD_BYTES): string {
  const head = `{"n":"@${String(number).padStart(NUMBER_DIGITS, '0')}@${String(dueUs).padStart(TIME_DIGITS, '0')}","p":"`;
  return `${head.padEnd(bytes - 2, 'x')}"}`;
}

/** Equally long for all numbers below a million. */
export function channelName(index: number, prefix = ''): string {
  return `${prefix}bench-${String(index).padStart(6, '0')}`;
}

/** Where the event's number begins in a frame. @throws Error when it is not there */
export function markOf(buffer: Buffer, from: number, to: number): number {
  const at = buffer.indexOf(MARK, from);
  if (at < 0 || at >= to) throw new Error('an event arrived without what was sent in it');
  return at + 1;
}

/** @param at from markOf. @throws Error when there is no number */
export function numberAt(buffer: Buffer, at: number): number {
  return digits(buffer, at, NUMBER_DIGITS);
}

/** When the event was due. @param at from markOf. @throws Error when there is no time */
export function timeAt(buffer: Buffer, at: number): number {
  return digits(buffer, at + NUMBER_DIGITS + 1, TIME_DIGITS);
}

function digits(buffer: Buffer, at: number, length: number): number {
  let value = 0;
  for (let index = at; index < at + length; index++) {
    const digit = (buffer[index] ?? 0) - ZERO;
    if (!(digit >= 0 && digit <= 9)) throw new Error('an event arrived with other data than was sent in it');
    value = value * 10 + digit;
  }
  return value;
}
