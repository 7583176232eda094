/**
 * A 32-bit number that depends on both inputs and nothing else (the finaliser of MurmurHash3), so that every
 * generated value is the same on every machine and in every run, in whatever order records are asked for.
 */
export function computeSeeded(seed: number, salt: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(salt + 1, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** One of the list's members, chosen by seed and salt. */
export function pick<T>(list: readonly T[], seed: number, salt: number): T {
  const member = list[computeSeeded(seed, salt) % list.length];
  if (member === undefined) throw new RangeError("cannot pick from an empty list");
  return member;
}

const FIRST_DAY = Date.UTC(2026, 0, 1);
const SECONDS = 180 * 24 * 60 * 60;

/** A moment in the first half of 2026, as `2026-03-14 08:12:44` (UTC). */
export function computeTimestamp(seed: number, salt: number): string {
  const at = new Date(FIRST_DAY + (computeSeeded(seed, salt) % SECONDS) * 1000);
  return at.toISOString().slice(0, 19).replace("T", " ");
}
