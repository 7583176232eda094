import { hash, randomBytes, randomInt } from "node:crypto";
import { API_KEY_RANDOM_BYTES, apiKeyHint, formatApiKey } from "../../domain/keys/api-key.ts";
import { hintOfForm, type KeyForm, type KeyForms, makeKeyOfForm } from "../../domain/keys/key-form.ts";

/** What is kept of a key's text. */
export interface KeySecret {
  /** SHA-256 of the key's text, in hex. */
  readonly hashHex: string;
  readonly prefix: string;
  readonly hint: string;
}

/** What new keys look like. */
export interface KeyLooks {
  readonly prefix: string;
  /** In the place of our own form. */
  readonly form?: KeyForm | undefined;
  readonly forms: Pick<KeyForms, "hashedText">;
}

/** A new key text of our own form, to be shown once, and what is kept of it. */
export function issueKeySecret(prefix: string): { readonly text: string; readonly secret: KeySecret } {
  const text = formatApiKey(prefix, randomBytes(API_KEY_RANDOM_BYTES));
  return { text, secret: { hashHex: hash("sha256", text, "hex"), prefix, hint: apiKeyHint(text) } };
}

/** A new key text that looks as the configuration says, and what is kept of it. */
export function issueKey({ prefix, form, forms }: KeyLooks): ReturnType<typeof issueKeySecret> {
  if (form === undefined) return issueKeySecret(prefix);
  const text = makeKeyOfForm(form, (end) => randomInt(end));
  const hashHex = hash("sha256", forms.hashedText(text), "hex");
  return { text, secret: { hashHex, prefix: form.prefix, hint: hintOfForm(form.prefix, text) } };
}
