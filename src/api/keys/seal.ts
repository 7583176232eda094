import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts a secret of a stored response with a key made from what the request came with: the operator token, or the text of
 * a customer's key. A new API key must be in the response that an Idempotency-Key repeats, or a lost reply loses it; and must
 * not be in the database, where backups find it.
 */
export function seal(token: string, secret: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, deriveKey(token), nonce);
  const sealed = Buffer.concat([nonce, cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return sealed.toString("base64url");
}

/** The reverse of {@link seal}; undefined when the token is another one by now. */
export function unseal(token: string, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  try {
    const decipher = createDecipheriv(CIPHER, deriveKey(token), bytes.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const secret = Buffer.concat([
      decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)),
      decipher.final(),
    ]);
    return secret.toString("utf8");
  } catch {
    return undefined;
  }
}

function deriveKey(token: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", token, "", "farebox stored operator response", 32));
}
