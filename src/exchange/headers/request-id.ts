import { randomFillSync } from "node:crypto";

const RANDOM_BYTES = 10;
const POOL_BYTES = RANDOM_BYTES * 800;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

const HEX = Buffer.from("0123456789abcdef", "latin1");
const HYPHEN = 0x2d;
const VERSION_7 = 0x37;
const text = Buffer.alloc(36, HYPHEN);
let writtenMs = -1;

/**
 * A new request id: a UUIDv7, so that ids sort by time. Random bytes are drawn in blocks, because a draw costs more than the
 * rest, and digits are written into one buffer: put together from parts, an id was a dozen strings.
 */
export function createRequestId(unixMs: number): string {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  if (unixMs !== writtenMs) writeTime(unixMs);
  // The first random digit gives way to the version (7), the fifth to the variant (binary 10 and two random bits).
  text[14] = VERSION_7;
  writeLow(15, pool[used] ?? 0);
  writeByte(16, pool[used + 1] ?? 0);
  const third = pool[used + 2] ?? 0;
  text[19] = HEX[8 + ((third >> 4) & 0b0011)] ?? 0;
  writeLow(20, third);
  writeByte(21, pool[used + 3] ?? 0);
  for (let n = 0; n < 6; n++) writeByte(24 + 2 * n, pool[used + 4 + n] ?? 0);
  used += RANDOM_BYTES;
  return text.toString("latin1");
}

/** 48 bits of milliseconds, as `xxxxxxxx-xxxx`. */
function writeTime(unixMs: number): void {
  if (!Number.isInteger(unixMs) || unixMs < 0 || unixMs >= 2 ** 48)
    throw new RangeError(`not a time: ${unixMs}`);
  const digits = unixMs.toString(16).padStart(12, "0");
  text.write(`${digits.slice(0, 8)}-${digits.slice(8)}`, "latin1");
  writtenMs = unixMs;
}

function writeByte(at: number, byte: number): void {
  text[at] = HEX[byte >> 4] ?? 0;
  writeLow(at + 1, byte);
}

function writeLow(at: number, byte: number): void {
  text[at] = HEX[byte & 0x0f] ?? 0;
}
