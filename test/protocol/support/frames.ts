// A reader of server-sent WebSocket frames (RFC 6455 §5.2), written apart from the code that makes them.

/** Texts of the complete, unmasked, final text frames in the bytes; throws at anything else. */
export function textsOf(bytes: Buffer): string[] {
  const texts: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== 0b1000_0001) throw new Error(`byte ${at} does not begin a final text frame: ${bytes[at]}`);
    const short = bytes.readUInt8(at + 1);
    if (short > 127) throw new Error('servers do not mask');
    const [length, header] =
      short < 126
        ? [short, 2]
        : short === 126
          ? [bytes.readUInt16BE(at + 2), 4]
          : [Number(bytes.readBigUInt64BE(at + 2)), 10];
    // The shortest form is a must (RFC 6455 §5.2).
    if ((header === 4 && length < 126) || (header === 10 && length < 65_536)) throw new Error('length form too long');
    const end = at + header + length;
    if (end > bytes.length) throw new Error('frame cut off');
    texts.push(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(at + header, end)));
    at = end;
  }
  return texts;
}

/** The text of bytes that are exactly one frame. */
export function textOf(bytes: Buffer): string {
  const [text, ...more] = textsOf(bytes);
  if (text === undefined || more.length > 0) throw new Error(`${more.length + 1} frames instead of one`);
  return text;
}
