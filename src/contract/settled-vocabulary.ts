import type { SettledFacts } from "./contract.ts";
import type { Vocabulary } from "./template.ts";
import { entry } from "./vocabulary-entries.ts";

/** Placeholders of the settled headers and the usage object. */
export const settledVocabulary: Vocabulary<SettledFacts> = {
  creditType: entry("the credit type that the request spent", (facts) => facts.creditType),
  charged: entry("credits charged for this request", (facts) => facts.charged),
  balance: entry("the pool's balance after this charge", (facts) => facts.balance),
  units: entry("results counted, or 1 for a price per request", (facts) => facts.units),
};
