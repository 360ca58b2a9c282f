// The slot of a key or a shard channel in a Redis Cluster; pure.
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model

const SLOTS = 16_384;
const POLYNOMIAL = 0x1021;

/** Of what is between the first "{" and the next "}", where that is not empty; else of the whole name. */
export function slotOf(name: string): number {
  const open = name.indexOf('{');
  const close = open < 0 ? -1 : name.indexOf('}', open);
  return crc16(close > open + 1 ? name.slice(open + 1, close) : name) % SLOTS;
}

/** CRC-16/XMODEM of the text's UTF-8. */
function crc16(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1) & 0xffff;
  }
  return crc;
}
