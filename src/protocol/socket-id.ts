// The socket id's form: two decimal integers joined by a dot (websocket.md §3.1).
const FORM = /^\d+\.\d+$/;

/** How many random bytes `makeSocketId` needs. */
export const SOCKET_ID_BYTES = 8;

export function isSocketId(value: string): boolean {
  return FORM.test(value);
}

/** Makes an id from random bytes: 64 bits, so two nodes need not ask each other. */
export function makeSocketId(random: Buffer): string {
  return `${random.readUInt32BE(0)}.${random.readUInt32BE(4)}`;
}
