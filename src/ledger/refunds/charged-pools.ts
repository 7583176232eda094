import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import type { ChargeFilter } from "./charge-filter.ts";

/** A pool's place in the order of keys, in which all work on many pools is done. */
export interface PoolPlace {
  readonly accountId: string;
  readonly creditType: string;
}

/** Before every pool. */
export const FIRST_PLACE: PoolPlace = { accountId: "", creditType: "" };

/** Behind every account's id, which begins with a letter. */
const LAST_ACCOUNT = "~";

/** Pools that one statement asks the roll-ups about. */
const POOLS = 100;

/** Roll-ups that are looked through for one pool. One with more counts as charged: its entries will tell. */
const ROLL_UPS = 1_000;

interface PoolRow extends PoolRef {
  readonly isCharged: boolean;
}

/**
 * The next pools, in the order of their keys, that were charged in the filter's period by the roll-ups; some of them may
 * have no charge that matches. `next` is where to go on, null behind the last pool; the list may be empty before that.
 */
export async function listChargedPools(
  db: Queryable,
  filter: ChargeFilter,
  after: PoolPlace,
): Promise<{ readonly pools: readonly PoolRef[]; readonly next: PoolPlace | null }> {
  const { accountId, creditType, endpoint, keyId, from, to } = filter;
  const rows = await db.query<PoolRow>(
    `SELECT p.account_id AS "accountId", p.credit_type AS "creditType", p.shard, (
       SELECT coalesce(bool_or(m.is_match), false) OR count(*) = ${ROLL_UPS}
       FROM (
         SELECT ($8::text IS NULL OR u.endpoint = $8) AND ($9::text IS NULL OR u.key_id = $9) AS is_match
         FROM farebox.usage u
         WHERE u.account_id = p.account_id AND u.credit_type = p.credit_type AND u.shard = p.shard
           AND u.quarter >= farebox.quarter_of($6) AND u.quarter < $7::timestamptz
         LIMIT CASE WHEN $8::text IS NULL AND $9::text IS NULL THEN 1 ELSE ${ROLL_UPS} END
       ) m
     ) AS "isCharged"
     FROM (
       SELECT account_id, credit_type, shard FROM farebox.pools
       WHERE (account_id, credit_type) > ($1, $2) AND account_id >= $3 AND account_id <= $4
         AND ($5::text IS NULL OR credit_type = $5)
       ORDER BY account_id, credit_type LIMIT ${POOLS}
     ) p
     ORDER BY p.account_id, p.credit_type`,
    [
      after.accountId,
      after.creditType,
      accountId ?? "",
      accountId ?? LAST_ACCOUNT,
      creditType,
      from,
      to,
      endpoint,
      keyId,
    ],
  );
  const last = rows.length < POOLS ? undefined : rows.at(-1);
  return {
    pools: rows.filter(({ isCharged }) => isCharged).map(refOf),
    next: last === undefined ? null : { accountId: last.accountId, creditType: last.creditType },
  };
}

function refOf({ accountId, creditType, shard }: PoolRow): PoolRef {
  return { accountId, creditType, shard };
}
