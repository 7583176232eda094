const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * How many random bytes `length` base62 characters need: 8 more than their information, so that the remainder of the
 * division is uneven by less than 2^-64, which no one can tell from even.
 */
export function base62Bytes(length: number): number {
  return Math.ceil((length * Math.log2(62)) / 8) + 8;
}

/** `length` base62 characters from random bytes, evenly. The caller brings at least {@link base62Bytes} of them. */
export function base62(bytes: Uint8Array, length: number): string {
  if (bytes.length < base62Bytes(length)) {
    throw new RangeError(
      `${length} base62 characters need ${base62Bytes(length)} random bytes, got ${bytes.length}`,
    );
  }
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return base62Number(value, length);
}

/** The last `length` base62 digits of a number that is not negative, with leading zeros. */
export function base62Number(value: bigint, length: number): string {
  let rest = value;
  let text = "";
  for (let index = 0; index < length; index++) {
    text = `${DIGITS[Number(rest % 62n)]}${text}`;
    rest /= 62n;
  }
  return text;
}
