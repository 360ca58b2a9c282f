// Text → one complete WebSocket text frame, unmasked as servers send it (RFC 6455 §5.2), which all sockets share.

const FIN_TEXT = 0x81;

export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame[0] = FIN_TEXT;
  if (headerLength === 2) {
    frame[1] = length;
  } else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headerLength);
  return frame;
}

/** The text of a frame that `isTextFrame`. */
export function frameText(frame: Buffer): string {
  const [, length = 0] = frame;
  return frame.toString('utf8', length < 126 ? 2 : length === 126 ? 4 : 10);
}

/** Whether these bytes are one such frame, and nothing else; its text is not looked at. */
export function isTextFrame(bytes: Buffer): boolean {
  if (bytes.length < 2 || bytes[0] !== FIN_TEXT) return false;
  const [, length = 0] = bytes;
  if (length < 126) return bytes.length === 2 + length;
  if (length === 126) return bytes.length >= 4 + 126 && bytes.length === 4 + bytes.readUInt16BE(2);
  return length === 127 && bytes.length >= 10 + 65_536 && BigInt(bytes.length - 10) === bytes.readBigUInt64BE(2);
}
