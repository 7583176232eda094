import { randomFillSync } from "node:crypto";
import { formatUuidV7 } from "../domain/ids.ts";

const RANDOM_BYTES = 10;
const POOL_BYTES = RANDOM_BYTES * 800;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** A new request id: a UUIDv7, so that ids sort by time. Random bytes are drawn in blocks, because a draw costs more than the rest. */
export function createRequestId(unixMs: number): string {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + RANDOM_BYTES);
  used += RANDOM_BYTES;
  return formatUuidV7(unixMs, random);
}
