import { type KeyForm, KeyForms, parseKeyForm, whyNotMade } from "../domain/keys/key-form.ts";
import { at, describeValue, type Problem } from "../domain/problem.ts";
import type { KeysConfig } from "./config.ts";
import type { ConfigFile } from "./schema.ts";

const FIX = "write the text of a key with its classes: fc-{hex 32}, {alnum 32}, {hex 64}";

/** What keys look like: new ones, and those that were made elsewhere. */
export function buildKeys({ prefix, form, imported }: ConfigFile["keys"], problems: Problem[]): KeysConfig {
  const own = form === undefined ? undefined : readForm(form, "keys.form", problems);
  const reason = own === undefined ? undefined : whyNotMade(own);
  if (reason !== undefined)
    problems.push({ path: "keys.form", reason, fix: "write fc-{hex 32}, or {alnum 32}" });
  const others = imported.flatMap(({ form: text, salt }, index) => {
    // The first that fits a text counts: another salt for the same texts would never be used.
    const earlier = imported.findIndex((other) => other.form === text);
    if (earlier < index) {
      problems.push({
        path: at(at("keys.imported", index), "form"),
        reason: `has the form of ${at("keys.imported", earlier)}, and the first that fits counts`,
        fix: "remove one of the two",
      });
    }
    const read = readForm(text, at(at("keys.imported", index), "form"), problems);
    return read === undefined ? [] : [{ form: read, salt }];
  });
  // New keys have the form without a salt: what is imported may have the same form with one, and then counts.
  return { prefix, form: own, forms: new KeyForms(own === undefined ? others : [...others, { form: own }]) };
}

function readForm(text: string, path: string, problems: Problem[]): KeyForm | undefined {
  const parsed = parseKeyForm(text);
  if ("pieces" in parsed) return parsed;
  problems.push({ path, reason: `${describeValue(text)} ${parsed.reason}`, fix: FIX });
  return undefined;
}
