import type { Config } from "../../config/config.ts";
import { KeyForms } from "../../domain/keys/key-form.ts";

/** A configuration as it was before it was sent to another process, where what has methods arrives as its members alone. */
export function reviveConfig(sent: Config): Config {
  return { ...sent, keys: { ...sent.keys, forms: new KeyForms(sent.keys.forms.source) } };
}
