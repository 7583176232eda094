import assert from "node:assert/strict";
import { test } from "node:test";
import { normalise, type Provider, readSeed } from "./seed.ts";

type Run = () => Promise<void>;

/**
 * Tests whose titles quote the provider's document: `rule("a sentence", "how it shows", …)`. A quotation that does not stand
 * in the document fails when the file is loaded. quotes.test.ts finds these calls by their text, so the quotation is a
 * literal.
 */
export function rulesOf(provider: Provider): (quotation: string, shown: string, run: Run) => void {
  const seed = normalise(readSeed(provider));
  return (quotation, shown, run) => {
    assert.ok(seed.includes(normalise(quotation)), `not in ${provider}/seed.md: ${quotation}`);
    test(`“${normalise(quotation)}” ${shown}`, run);
  };
}
