// A broker message as bytes: a header line, then the frame as it goes to the sockets.
//   frame [socket id that is not to get it]\n<frame>
//   change <number> <socket id that is not to get it>\n<frame>     written by the scripts that number the change
//   terminate\n
//   unsubscribe\n<channel>
//   call\n<text>
// With a secret, 32 bytes of HMAC-SHA256 stand before what follows the line break.
import { isUtf8 } from 'node:buffer';
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { BrokerMessage, Topic } from '../../core/ports.ts';
import { isTextFrame } from '../../protocol/frame.ts';

const LINE_BREAK = 0x0a;
const LONGEST_HEADER = 64;
const FRAME = 'frame';
const FRAME_EXCEPT = 'frame ';
const CHANGE = /^change (\d{1,16}) (\S+)$/;
const TERMINATE = 'terminate';
const UNSUBSCRIBE = 'unsubscribe';
const CALL = 'call';
const SIGNATURE_BYTES = 32;

const terminate: BrokerMessage = { type: 'terminate' };
const NOTHING = Buffer.alloc(0);

export class Envelope {
  readonly #secret: string | undefined;

  /** @param secret that all nodes share: messages that are not signed with it, for their topic, are none of theirs */
  constructor(secret: string | undefined) {
    this.#secret = secret;
  }

  /** Of a message without a number: numbered ones are published by the scripts only. */
  encode(topic: Topic, message: BrokerMessage): Buffer {
    const header = headerOf(message);
    const body = this.#sealed(topic, header, bodyOf(message));
    const bytes = Buffer.allocUnsafe(header.length + 1 + body.length);
    bytes.write(`${header}\n`, 'latin1');
    body.copy(bytes, header.length + 1);
    return bytes;
  }

  /** What follows the line break of an announcement that is to be numbered. The number is not signed. */
  announcement(topic: Topic, socketId: string, frame: Buffer): Buffer {
    return this.#sealed(topic, `change ${socketId}`, frame);
  }

  /** @returns undefined for bytes that are no message. The frame shares the memory of `bytes`. */
  decode(topic: Topic, bytes: Buffer): BrokerMessage | undefined {
    const end = bytes.indexOf(LINE_BREAK);
    if (end < 0 || end > LONGEST_HEADER) return undefined;
    const header = bytes.toString('latin1', 0, end);
    const [, change, socketId] = CHANGE.exec(header) ?? [];
    const signed = change === undefined ? header : `change ${socketId}`;
    const body = this.#opened(topic, signed, bytes.subarray(end + 1));
    if (body === undefined) return undefined;
    if (header === TERMINATE) return body.length === 0 ? terminate : undefined;
    if (header === UNSUBSCRIBE) return withText(body, (channel) => ({ type: 'unsubscribe', channel }));
    if (header === CALL) return withText(body, (text) => ({ type: 'call', text }));
    if (!isTextFrame(body)) return undefined;
    if (change !== undefined) return { type: 'frame', frame: body, except: socketId, change: Number(change) };
    if (header === FRAME) return { type: 'frame', frame: body };
    if (!header.startsWith(FRAME_EXCEPT)) return undefined;
    return { type: 'frame', frame: body, except: header.slice(FRAME_EXCEPT.length) };
  }

  #sealed(topic: Topic, signed: string, body: Buffer): Buffer {
    if (this.#secret === undefined) return body;
    return Buffer.concat([signatureOf(this.#secret, topic, signed, body), body]);
  }

  #opened(topic: Topic, signed: string, sealed: Buffer): Buffer | undefined {
    if (this.#secret === undefined) return sealed;
    if (sealed.length < SIGNATURE_BYTES) return undefined;
    const body = sealed.subarray(SIGNATURE_BYTES);
    const isOurs = timingSafeEqual(signatureOf(this.#secret, topic, signed, body), sealed.subarray(0, SIGNATURE_BYTES));
    return isOurs ? body : undefined;
  }
}

/** With the length, as a topic may hold any character. */
function signatureOf(secret: string, topic: Topic, signed: string, body: Buffer): Buffer {
  return createHmac('sha256', secret).update(`${signed}\n${topic.length}\n${topic}\n`).update(body).digest();
}

function headerOf(message: BrokerMessage): string {
  if (message.type !== 'frame') return message.type;
  return message.except === undefined ? FRAME : FRAME_EXCEPT + message.except;
}

function bodyOf(message: BrokerMessage): Buffer {
  switch (message.type) {
    case 'frame':
      return message.frame;
    case 'terminate':
      return NOTHING;
    case 'unsubscribe':
      return Buffer.from(message.channel);
    case 'call':
      return Buffer.from(message.text);
    default:
      return message satisfies never;
  }
}

function withText(body: Buffer, make: (text: string) => BrokerMessage): BrokerMessage | undefined {
  return body.length > 0 && isUtf8(body) ? make(body.toString()) : undefined;
}
