import { base62, base62Bytes, base62Number } from "../base62.ts";
import { crc32 } from "./crc32.ts";

/** 178 bits of randomness. */
const RANDOM_LENGTH = 30;
/** The base62 digits of 32 bits. */
const CHECKSUM_LENGTH = 6;

const PREFIX = /^[a-z][a-z0-9]{0,15}(?:_[a-z0-9]{1,16})?$/;
const KEY = /^([a-z][a-z0-9]{0,15}(?:_[a-z0-9]{1,16})?)_[0-9A-Za-z]{36}$/;

/** How many random bytes {@link formatApiKey} takes. */
export const API_KEY_RANDOM_BYTES = base62Bytes(RANDOM_LENGTH);

/** Whether a text may precede keys: lower-case letters and digits, one `_` inside allowed (`"fbx"`, `"acme_live"`). */
export function isApiKeyPrefix(text: unknown): text is string {
  return typeof text === "string" && PREFIX.test(text);
}

/**
 * A new key: `<prefix>_<30 base62 characters><6 of their checksum>`. The prefix lets secret scanners find leaked keys;
 * the checksum refuses mistyped and made-up ones without a query.
 */
export function formatApiKey(prefix: string, randomBytes: Uint8Array): string {
  if (!isApiKeyPrefix(prefix)) throw new RangeError(`not a key prefix: ${JSON.stringify(prefix)}`);
  const payload = `${prefix}_${base62(randomBytes, RANDOM_LENGTH)}`;
  return payload + checksum(payload);
}

/**
 * Whether a text has the form and the checksum of a key, of this prefix if one is given. Says nothing about whether the
 * key exists. Every change of one character is found.
 */
export function isWellFormedApiKey(text: string, prefix?: string): boolean {
  const match = KEY.exec(text);
  if (match === null || (prefix !== undefined && match[1] !== prefix)) return false;
  return checksum(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
}

/** What may be shown of a key after its creation: its prefix and its last four characters, `"fbx_...x9Qa"`. */
export function apiKeyHint(key: string): string {
  return `${key.slice(0, key.lastIndexOf("_"))}_...${key.slice(-4)}`;
}

const encoder = new TextEncoder();

function checksum(payload: string): string {
  return base62Number(BigInt(crc32(encoder.encode(payload))), CHECKSUM_LENGTH);
}
