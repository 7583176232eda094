import type { Credits } from "../../domain/credits.ts";
import type { Price, Tiers } from "../../domain/prices/price.ts";
import { counterOf } from "../../domain/prices/tiers.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";

/** What a charge used of its tiers, as it was decided when it was made. */
export interface TierUse {
  /** The name that prices count together under; the endpoint where they have none. */
  readonly counter: string;
  readonly within: Tiers["within"];
  /** When its period began, in UTC. */
  readonly since: Date;
  /** Units used in the period before this charge, and with it. */
  readonly usedBefore: number;
  readonly usedAfter: number;
  /** The tiers that its units fell into, each with its cost as the price has it. */
  readonly tiers: readonly { readonly over: number; readonly cost: Credits; readonly units: number }[];
}

/** A charge for what a number had grown by. */
export interface Growth {
  /** The highest number that was charged before it; 0: none that was still known. */
  readonly before: number;
  readonly reported: number;
}

export interface MeasuredCharge {
  readonly tierUse: TierUse | undefined;
  readonly growth: Growth | undefined;
}

interface Row {
  readonly told: {
    readonly used?: number;
    readonly counter?: readonly [number, Tiers["within"]];
    readonly tiers?: readonly (readonly [over: number, cost: number, units: number])[];
    readonly grown?: readonly [before: number, reported: string];
  } | null;
  readonly counter: string | null;
  readonly since: Date | null;
}

/** A name of its own is kept with this before it, so that it is no endpoint's. */
const NAMED = "counter ";

const MICRO = 1_000_000;

/** What tiers, or a growing number, made of a charge. `at` is the entry's time: only its month is looked into. */
export async function readMeasured(
  db: Queryable,
  { accountId, creditType, shard }: PoolRef,
  seq: number,
  at: Date,
): Promise<MeasuredCharge> {
  const [row] = await db.query<Row>(
    `SELECT e.measured AS told, n.endpoint AS counter, date_trunc(e.measured #>> '{counter,1}', e.at, 'UTC') AS since
     FROM farebox.accounts a CROSS JOIN farebox.credit_types t
     JOIN farebox.entries e ON e.account_no = a.account_no AND e.type_no = t.type_no
     LEFT JOIN farebox.endpoints n ON n.endpoint_no = (e.measured #>> '{counter,0}')::integer
     WHERE a.account_id = $1 AND t.credit_type = $2 AND e.shard = $3 AND e.seq = $4 AND e.at BETWEEN $5 AND $6`,
    // The time has microseconds in the table.
    [accountId, creditType, shard, seq, at, new Date(at.getTime() + 1)],
  );
  const { told, counter, since } = row ?? { told: null, counter: null, since: null };
  const grown = told?.grown;
  return {
    tierUse: readTierUse(told, counter, since),
    growth: grown && { before: grown[0] / MICRO, reported: Number(grown[1]) / MICRO },
  };
}

function readTierUse(told: Row["told"], counter: string | null, since: Date | null): TierUse | undefined {
  if (told?.counter === undefined || counter === null || since === null) return undefined;
  const { used = 0, tiers = [] } = told;
  const units = tiers.reduce((sum, [, , count]) => sum + count, 0);
  return {
    counter: counter.startsWith(NAMED) ? counter.slice(NAMED.length) : counter,
    within: told.counter[1],
    since,
    usedBefore: used / MICRO,
    usedAfter: (used + units) / MICRO,
    tiers: tiers.map(([over, cost, count]) => ({
      over: over / MICRO,
      cost: BigInt(cost),
      units: count / MICRO,
    })),
  };
}

/** Whether a price's tiers are those that a charge went through. */
export function hasTiers(price: Price, { counter, within, tiers }: TierUse): boolean {
  if (price.tiers?.within !== within) return false;
  const name = counterOf(price, price.tiers);
  if (name !== counter && name !== NAMED + counter) return false;
  const costs = new Map([
    [0, price.cost],
    ...price.tiers.steps.map(({ over, cost }) => [over, cost] as const),
  ]);
  return tiers.every(({ over, cost }) => costs.get(over) === cost);
}
