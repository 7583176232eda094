import type { BalanceFacts, RenderContext } from "../contract.ts";
import type { Vocabulary } from "../template.ts";
import { contextEntries, entry, momentEntries } from "../vocabulary-entries.ts";

/** One pool of a balance endpoint. Undefined when the account has no such pool yet: it shows zeros and nulls. */
export interface PoolFacts {
  readonly pool: BalanceFacts | undefined;
  readonly context: RenderContext;
}

const FREQUENCY = { day: "daily", week: "weekly", month: "monthly", year: "yearly" } as const;

/** Placeholders of one pool. Without a recurring grant: 0, null and false. */
export const poolVocabulary: Vocabulary<PoolFacts> = {
  ...contextEntries<PoolFacts>(),
  creditType: entry("the pool's credit type", (facts) => facts.pool?.creditType ?? null),
  balance: entry("credits in the pool", (facts) => facts.pool?.balance ?? 0n),
  held: entry("credits set aside for requests in flight", (facts) => facts.pool?.held ?? 0n),
  available: entry("the balance without what is held", (facts) =>
    facts.pool === undefined ? 0n : facts.pool.balance - facts.pool.held,
  ),
  allocated: entry("credits granted since the last refresh", (facts) => facts.pool?.allocated ?? 0n),
  recurring: entry(
    "credits of the recurring grant; 0 without one",
    (facts) => facts.pool?.recurring?.amount ?? 0n,
  ),
  every: entry(
    "the recurring grant's period, `month`; null without one",
    (facts) => facts.pool?.recurring?.every ?? null,
  ),
  frequency: entry(
    "the period as an adverb: `daily`, `weekly`, `monthly`, `yearly`; null without a recurring grant",
    (facts) => (facts.pool?.recurring === undefined ? null : FREQUENCY[facts.pool.recurring.every]),
  ),
  rollover: entry(
    "whether unused credits survive the refresh; false without a recurring grant",
    (facts) => facts.pool?.recurring?.rollover ?? false,
  ),
  ...momentEntries<PoolFacts>(
    "refresh",
    "the next refresh; null without a recurring grant, and when the plan ends before it",
    (facts) => facts.pool?.recurring?.nextAt?.getTime(),
  ),
};
