// A broker message as bytes: a header line, then the frame as it goes to the sockets; pure.
//   frame [socket id that is not to get it]\n<frame>
//   change <number> <socket id that is not to get it>\n<frame>     written by the scripts that number the change
//   terminate\n
//   unsubscribe\n<channel>
import { isUtf8 } from 'node:buffer';
import type { BrokerMessage } from '../../core/ports.ts';

const LINE_BREAK = 0x0a;
const LONGEST_HEADER = 64;
const FRAME = 'frame';
const FRAME_EXCEPT = 'frame ';
const CHANGE = /^change (\d{1,16}) (\S+)$/;
const TERMINATE = 'terminate';
const UNSUBSCRIBE = 'unsubscribe';

const terminate: BrokerMessage = { type: 'terminate' };
const terminateBytes = Buffer.from(`${TERMINATE}\n`);

/** Of a message without a number: numbered ones are published by the scripts only. */
export function encode(message: BrokerMessage): Buffer {
  if (message.type === 'terminate') return terminateBytes;
  if (message.type === 'unsubscribe') return Buffer.from(`${UNSUBSCRIBE}\n${message.channel}`);
  const { frame, except } = message;
  const header = except === undefined ? `${FRAME}\n` : `${FRAME_EXCEPT}${except}\n`;
  const bytes = Buffer.allocUnsafe(header.length + frame.length);
  bytes.write(header, 'latin1');
  frame.copy(bytes, header.length);
  return bytes;
}

/** @returns undefined for bytes that are no message. The frame shares the memory of `bytes`. */
export function decode(bytes: Buffer): BrokerMessage | undefined {
  const end = bytes.indexOf(LINE_BREAK);
  if (end < 0 || end > LONGEST_HEADER) return undefined;
  const header = bytes.toString('latin1', 0, end);
  if (header === FRAME) return { type: 'frame', frame: bytes.subarray(end + 1) };
  if (header.startsWith(FRAME_EXCEPT)) {
    return { type: 'frame', frame: bytes.subarray(end + 1), except: header.slice(FRAME_EXCEPT.length) };
  }
  if (header === TERMINATE) return terminate;
  if (header === UNSUBSCRIBE) return unsubscribe(bytes.subarray(end + 1));
  const [, change, except] = CHANGE.exec(header) ?? [];
  return change === undefined
    ? undefined
    : { type: 'frame', frame: bytes.subarray(end + 1), except, change: Number(change) };
}

function unsubscribe(name: Buffer): BrokerMessage | undefined {
  return name.length > 0 && isUtf8(name) ? { type: 'unsubscribe', channel: name.toString() } : undefined;
}
