import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { OUTSIDE } from "./outside.ts";
import { listStatements, normalise, PROVIDERS, type Provider, readSeed } from "./seed.ts";

/** The first argument of every `rule(…)` of a provider's tests. */
function listQuotations(provider: Provider): readonly string[] {
  const folder = join(import.meta.dirname, provider);
  return readdirSync(folder)
    .filter((name) => name.endsWith(".test.ts"))
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), "utf8");
      const calls = [...text.matchAll(/\brule\(/g)].length;
      const literals = [
        ...text.matchAll(/\brule\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`([^`\\]*)`)/g),
      ];
      assert.equal(literals.length, calls, `${provider}/${name}: every rule quotes by a literal`);
      return literals.map((match) => unescape(match[1] ?? match[2] ?? match[3] ?? ""));
    });
}

function unescape(literal: string): string {
  return normalise(literal.replaceAll(/\\(.)/g, "$1"));
}

for (const provider of PROVIDERS) {
  const seed = normalise(readSeed(provider));
  const quotations = listQuotations(provider);
  const outside = OUTSIDE[provider].flatMap((group) => group.statements.map(normalise));

  test(`${provider}: every quotation stands in the document`, () => {
    assert.ok(quotations.length > 0);
    assert.deepEqual(
      quotations.filter((quotation) => !seed.includes(quotation)),
      [],
    );
  });

  test(`${provider}: every statement of the document is quoted by a test or said to be outside`, () => {
    const missing = listStatements(provider).filter(
      (statement) =>
        !outside.includes(statement) &&
        !quotations.some((quotation) => quotation.includes(statement) || statement.includes(quotation)),
    );
    assert.deepEqual(missing, []);
  });

  test(`${provider}: what is said to be outside stands in the document and is quoted by no test`, () => {
    assert.deepEqual(
      outside.filter((statement) => !listStatements(provider).includes(statement)),
      [],
    );
    assert.deepEqual(
      outside.filter((statement) => quotations.includes(statement)),
      [],
    );
  });
}
