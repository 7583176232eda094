import type { Credits } from "../../domain/credits.ts";
import type { RenderContext } from "../rendered-answer.ts";
import { findPlaceholder, type Placeholder, type PlaceholderValue, type Vocabulary } from "../vocabulary.ts";
import { contextEntries, entry, momentEntries } from "../vocabulary-entries.ts";
import {
  type AccountFacts,
  type AccountState,
  type BalanceFacts,
  periodOf,
  type StateNeeds,
} from "./account-state.ts";

/** A pool, and the account that it is of. The pool is undefined when the account has none yet: it shows zeros and nulls. */
export interface PoolFacts {
  readonly pool: BalanceFacts | undefined;
  readonly state: AccountState;
  readonly context: RenderContext;
}

/** What entries about a pool read. */
interface PoolView {
  readonly pool: BalanceFacts | undefined;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

const FREQUENCY = { day: "daily", week: "weekly", month: "monthly", year: "yearly" } as const;

/** What was granted (`amount`) or is left (`remaining`) of the grants of some sources. */
function sumGrants(
  { pool }: PoolView,
  part: "amount" | "remaining",
  is: (source: string) => boolean,
): Credits {
  return (pool?.grants ?? [])
    .filter(({ source }) => is(source))
    .reduce((sum, grant) => sum + grant[part], 0n);
}

const isRecurring = (source: string): boolean => source === "recurring";
const isTopup = (source: string): boolean => source === "topup";

/** Entries that show what is in a pool. */
function balanceEntries<Facts>(view: (facts: Facts) => PoolView): Vocabulary<Facts> {
  const of = (means: string, read: (view: PoolView) => PlaceholderValue): Placeholder<Facts> =>
    entry(means, (facts: Facts) => read(view(facts)));
  return {
    creditType: of("the pool's credit type", ({ pool }) => pool?.creditType ?? null),
    balance: of("credits in the pool", ({ pool }) => pool?.balance ?? 0n),
    held: of("credits set aside for requests in flight", ({ pool }) => pool?.held ?? 0n),
    available: of("the balance without what is held", ({ pool }) =>
      pool === undefined ? 0n : pool.balance - pool.held,
    ),
    allocated: of("credits granted, of all grants with something left", (seen) =>
      sumGrants(seen, "amount", () => true),
    ),
    used: of(
      "credits spent since the period began, without what refunds gave back; counted from the quarter of an hour in which it began",
      ({ pool }) => (pool === undefined ? 0n : (pool.used ?? null)),
    ),
    lifetime: of(
      "credits ever taken from the pool: by charges, also what refunds gave back later, and by adjustments",
      ({ pool }) => pool?.lifetime ?? 0n,
    ),
    purchased: of("credits bought (grants of the source `topup`), of those with something left", (seen) =>
      sumGrants(seen, "amount", isTopup),
    ),
    purchasedLeft: of("what is left of credits bought", (seen) => sumGrants(seen, "remaining", isTopup)),
    planLeft: of("what is left of the plan's grants", (seen) => sumGrants(seen, "remaining", isRecurring)),
    otherLeft: of("what is left of all other grants: promotions, adjustments, refunds", (seen) =>
      sumGrants(seen, "remaining", (source) => !isTopup(source) && !isRecurring(source)),
    ),
    extraLeft: of("what is left of all grants but the plan's", (seen) =>
      sumGrants(seen, "remaining", (source) => !isRecurring(source)),
    ),
  };
}

/** Entries that show when a pool is granted what. Without a recurring grant: 0, null and false. */
function refreshEntries<Facts>(view: (facts: Facts) => PoolView): Vocabulary<Facts> {
  const of = (means: string, read: (view: PoolView) => PlaceholderValue): Placeholder<Facts> =>
    entry(means, (facts: Facts) => read(view(facts)));
  return {
    recurring: of(
      "credits of the recurring grant; 0 without one",
      ({ pool }) => pool?.recurring?.amount ?? 0n,
    ),
    every: of(
      "the recurring grant's period, `month`; null without one",
      ({ pool }) => pool?.recurring?.every ?? null,
    ),
    frequency: of(
      "the period as an adverb: `daily`, `weekly`, `monthly`, `yearly`; null without a recurring grant",
      ({ pool }) => (pool?.recurring === undefined ? null : FREQUENCY[pool.recurring.every]),
    ),
    rollover: of(
      "whether unused credits survive the refresh; false without a recurring grant",
      ({ pool }) => pool?.recurring?.rollover ?? false,
    ),
    ...momentEntries<Facts>(
      "refresh",
      "the next refresh; null without a recurring grant, and when the plan ends before it",
      (facts) => view(facts).pool?.recurring?.nextAt?.getTime(),
    ),
    ...momentEntries<Facts>(
      "periodStart",
      "when the present period began: the last refresh, or the month (UTC) without a recurring grant",
      (facts) => periodOf(view(facts).pool, view(facts).nowMs).start,
    ),
    ...momentEntries<Facts>(
      "periodEnd",
      "when it ends; null when the plan ends before",
      (facts) => periodOf(view(facts).pool, view(facts).nowMs).end ?? undefined,
    ),
  };
}

/** Entries that show a pool. */
export function poolEntries<Facts>(view: (facts: Facts) => PoolView): Vocabulary<Facts> {
  return { ...balanceEntries(view), ...refreshEntries(view) };
}

/** Entries that show another pool than the present one, by its credit type: `${pools.search.balance}`. */
export function otherPoolEntries<Facts>(read: (facts: Facts) => AccountState | undefined): Vocabulary<Facts> {
  return {
    "pools.*": {
      means: "any of these of another pool, by its credit type: `${pools.search.balance}`",
      read: () => null,
      member(name) {
        const dot = name.indexOf(".");
        const creditType = name.slice(0, dot);
        if (dot < 1) return undefined;
        return findPlaceholder(
          poolEntries((facts: Facts) => {
            const state = read(facts);
            return {
              pool: state?.pools.find((pool) => pool.creditType === creditType),
              nowMs: state?.at ?? 0,
            };
          }),
          name.slice(dot + 1),
        );
      },
    },
  };
}

/** Entries that show the account. */
export function accountEntries<Facts>(read: (facts: Facts) => AccountFacts | undefined): Vocabulary<Facts> {
  return {
    accountId: entry("the account's id", (facts: Facts) => read(facts)?.accountId ?? null),
    accountName: entry("the account's name", (facts: Facts) => read(facts)?.name ?? null),
    plan: entry(
      "the name of the account's plan; null without one",
      (facts: Facts) => read(facts)?.plan ?? null,
    ),
    "metadata.*": {
      means:
        "a member of the account's metadata, `${metadata.email}`; null when it is missing, a list or an object",
      read: () => null,
      member: (name) => (facts) => readMember(read(facts)?.metadata, name),
    },
  };
}

function readMember(metadata: Readonly<Record<string, unknown>> | undefined, name: string): PlaceholderValue {
  const value = metadata !== undefined && Object.hasOwn(metadata, name) ? metadata[name] : null;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

/** Placeholders of balance endpoints. */
export const poolVocabulary: Vocabulary<PoolFacts> = {
  ...contextEntries<PoolFacts>(),
  ...poolEntries<PoolFacts>(({ pool, context }) => ({ pool, nowMs: context.nowMs })),
  ...otherPoolEntries<PoolFacts>(({ state }) => state),
  ...accountEntries<PoolFacts>(({ state }) => state.account),
};

const ACCOUNT = /^(?:accountId|accountName|plan|metadata\..*)$/;
const USED = /^(?:pools\.[^.]*\.)?used$/;

/** What the placeholders in a template read of the account's state. `isState`: whether a name reads any of it. */
export function needsOf(template: unknown, isState: (name: string) => boolean): StateNeeds {
  const names = [...JSON.stringify(template ?? null).matchAll(/\$\{([^}"]*)\}/g)].map(
    ([, name = ""]) => name,
  );
  const read = names.filter(isState);
  const used = read.some((name) => USED.test(name));
  return {
    pools: read.some((name) => !ACCOUNT.test(name)) || JSON.stringify(template ?? null).includes('"$each'),
    used,
    account: read.some((name) => ACCOUNT.test(name)),
  };
}
