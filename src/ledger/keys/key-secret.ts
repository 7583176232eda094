import { hash, randomBytes } from "node:crypto";
import { API_KEY_RANDOM_BYTES, apiKeyHint, formatApiKey } from "../../domain/keys/api-key.ts";

/** What is kept of a key's text. */
export interface KeySecret {
  /** SHA-256 of the key's text, in hex. */
  readonly hashHex: string;
  readonly prefix: string;
  readonly hint: string;
}

/** A new key text, to be shown once, and what is kept of it. */
export function issueKeySecret(prefix: string): { readonly text: string; readonly secret: KeySecret } {
  const text = formatApiKey(prefix, randomBytes(API_KEY_RANDOM_BYTES));
  return { text, secret: { hashHex: hash("sha256", text, "hex"), prefix, hint: apiKeyHint(text) } };
}
