import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * Says, in hex, that a text was given to who had the operator token. The token is in no database, and a file with another one ends what
 * was proved by the first.
 */
export function proveByToken(operatorToken: string, text: string): string {
  return createHmac("sha256", operatorToken).update(text).digest("hex");
}

/** Whether {@link proveByToken} says the same with this token. */
export function isProvedByToken(operatorToken: string, text: string, proofHex: string): boolean {
  const expected = Buffer.from(proveByToken(operatorToken, text), "hex");
  const given = Buffer.from(proofHex, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
