import { accountEntries, otherPoolEntries, poolEntries } from "./account/pool-vocabulary.ts";
import type { SettledFacts } from "./contract.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { entry } from "./vocabulary-entries.ts";

/** What every settlement knows by itself. */
const ownEntries: Vocabulary<SettledFacts> = {
  creditType: entry("the credit type that the request spent", (facts) => facts.creditType),
  charged: entry("credits charged for this request", (facts) => facts.charged),
  balance: entry("the pool's balance after this charge", (facts) => facts.balance),
  units: entry("results counted, or 1 for a price per request", (facts) => facts.units),
};

/** Placeholders of the settled headers and the usage object. Those of the account's state are read from the database. */
export const settledVocabulary: Vocabulary<SettledFacts> = {
  ...ownEntries,
  ...poolEntries<SettledFacts>(({ creditType, state }) => ({
    pool: state?.pools.find((pool) => pool.creditType === creditType),
    nowMs: state?.at ?? 0,
  })),
  ...otherPoolEntries<SettledFacts>(({ state }) => state),
  ...accountEntries<SettledFacts>(({ state }) => state?.account),
  ...ownEntries,
};

/** Whether a placeholder is read from the account's state. */
export function isSettledState(name: string): boolean {
  return !Object.hasOwn(ownEntries, name);
}
