import assert from "node:assert/strict";
import { test } from "node:test";
import { readTracked, trackedFiles } from "./tracked-files.ts";

/** The left side is what a newcomer might write; the word list has one word for the thing, on the right. */
const SYNONYMS: readonly (readonly [RegExp, string])[] = [
  [/\b(wallet|creditBalanceAccount)\b/i, "pool"],
  [/\btenant(s|_id|Id)?\b/, "account"],
  [/\bcustomer_?id\b/i, "account"],
  [/\bapi_?token\b/i, "key"],
  [/\b(reservation|preauth(ori[sz]ation)?)s?\b/i, "hold"],
  [/\b(debit|deduction)s?\b/i, "charge"],
  [/\b(tariff|rate_?card|price_?book)s?\b/i, "price list"],
  [/\bsubscription(s|_id|Id)?\b/i, "plan"],
];

/** But what says how others call things: vendors' documents and data, decisions, and this list. */
const WRITTEN_BY_US =
  /^(?!tests\/conformance\/|tests\/tidy\/words|docs\/decisions\/)(?!.*\/data\/).*\.(ts|tsx|sql|yaml|js|md|py)$/;

test("one word for one thing: sources and documents use the word list", () => {
  const found: string[] = [];
  for (const path of trackedFiles(WRITTEN_BY_US)) {
    const text = readTracked(path);
    for (const [synonym, word] of SYNONYMS) {
      const match = synonym.exec(text);
      if (match !== null) found.push(`${path}: "${match[0]}" is called ${word} here`);
    }
  }
  assert.deepEqual(found, []);
});

test("the word list has each word once", () => {
  const words = [...readTracked("docs/guide/words.md").matchAll(/^\| ([^|]+) \|/gm)].map(
    ([, word = ""]) => word,
  );
  assert.ok(words.length > 40);
  assert.deepEqual(
    words.filter((word, index) => words.indexOf(word) !== index),
    [],
  );
});

test("nothing names a machine's home or a private host", () => {
  const home = /(^|[\s"'`(=])\/(work|root|home|Users)\/[a-z]/m;
  const found = trackedFiles(/\.(ts|js|json|md|yaml|yml|sql|sh|toml)$|^\.ci\/run$/).filter((path) =>
    home.test(readTracked(path)),
  );
  assert.deepEqual(found, []);
});

test("no work is left for later in a comment", () => {
  const marker = new RegExp(`\\b(${["TO", "DO"].join("")}|${["FIX", "ME"].join("")})\\b`);
  const found = trackedFiles(/^(src|tests|bench|examples|migrations|bin)\/.*\.(ts|js|sql)$/).filter((path) =>
    marker.test(readTracked(path)),
  );
  assert.deepEqual(found, []);
});
