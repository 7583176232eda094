import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import type { PoolKey } from "../pools/pool-key.ts";

/** A pool's place in the order of accounts and credit types, in which all work on many pools is done. */
export interface PoolPlace {
  readonly accountId: string;
  readonly creditType: string;
}

/** Before every pool. */
export const FIRST_PLACE: PoolPlace = { accountId: "", creditType: "" };

/** Behind every account's id and every credit type's name, which begin with a letter or a digit. */
const LAST_NAME = "~";

/** What was charged: in `[from, to)`, by the named account, endpoint and key and in the named credit type, or by all. */
export interface ChargedIn {
  readonly from: Date;
  readonly to: Date;
  readonly accountId?: string | undefined;
  readonly creditType?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly keyId?: string | undefined;
}

/** A pool by its names and by its numbers. */
export interface ChargedPool extends PoolRef, PoolKey {}

/** Accounts whose pools are looked at for one page. */
const ACCOUNTS = 200;

/** Roll-ups that are looked through for one pool. One with more counts as charged: its entries will tell. */
const ROLL_UPS = 1_000;

/**
 * The next pools, in the order of their places, that may have been charged so: by their roll-ups, or by entries that are not
 * rolled up yet. Some may have no such charge. `next` is where to go on, null behind the last pool; the list may be empty
 * before that. A page looks at 200 accounts, so that it is short however many pools there are.
 */
export async function listChargedPools(
  db: Queryable,
  filter: ChargedIn,
  after: PoolPlace,
): Promise<{ readonly pools: readonly ChargedPool[]; readonly next: PoolPlace | null }> {
  const accounts = await listAccounts(db, filter, after);
  const pools: ChargedPool[] = [];
  for (const [shard, ofShard] of Map.groupBy(accounts, (account) => account.shard)) {
    pools.push(...(await listPoolsOfShard(db, shard, filter, ofShard)));
  }
  const last = accounts.length < ACCOUNTS ? undefined : accounts.at(-1);
  return {
    pools: pools.filter((pool) => comparePlaces(pool, after) > 0).sort(comparePlaces),
    next: last === undefined ? null : { accountId: last.accountId, creditType: LAST_NAME },
  };
}

interface AccountRow {
  readonly accountId: string;
  readonly accountNo: number;
  readonly shard: number;
}

function listAccounts(db: Queryable, { accountId }: ChargedIn, after: PoolPlace): Promise<AccountRow[]> {
  return db.query(
    `SELECT account_id AS "accountId", account_no AS "accountNo", shard FROM farebox.accounts
     WHERE account_id >= $1 AND account_id >= $2 AND account_id <= $3 ORDER BY account_id LIMIT ${ACCOUNTS}`,
    [after.accountId, accountId ?? "", accountId ?? LAST_NAME],
  );
}

interface PoolRow {
  readonly accountNo: number;
  readonly typeNo: number;
  readonly creditType: string;
}

async function listPoolsOfShard(
  db: Queryable,
  shard: number,
  { from, to, creditType, endpoint, keyId }: ChargedIn,
  accounts: readonly AccountRow[],
): Promise<ChargedPool[]> {
  const rows = await db.query<PoolRow>({ name: "charged-pools", text: CHARGED_POOLS }, [
    shard,
    accounts.map(({ accountNo }) => accountNo),
    from,
    to,
    creditType,
    endpoint,
    keyId,
  ]);
  const idOf = new Map(accounts.map(({ accountId, accountNo }) => [accountNo, accountId]));
  return rows.map((row) => Object.assign(row, { accountId: idOf.get(row.accountNo) ?? "", shard }));
}

/**
 * Each pool and its roll-ups are looked up by their keys, whatever the planner knows of the tables. A pool with charges that are
 * not rolled up is an active one; entries behind the roll-up lie between its time and the pool's last.
 */
const CHARGED_POOLS = `WITH active AS MATERIALIZED (
    SELECT DISTINCT account_no, type_no FROM farebox.active_pools WHERE shard = $1 AND account_no = ANY ($2::integer[])
  )
  SELECT p.account_no AS "accountNo", p.type_no AS "typeNo",
    (SELECT t.credit_type FROM farebox.credit_types t WHERE t.type_no = p.type_no) AS "creditType"
  FROM unnest($2::integer[]) a(account_no)
  CROSS JOIN LATERAL (
    SELECT o.account_no, o.type_no, o.last_seq, o.last_at FROM farebox.pools o
    WHERE o.account_no = a.account_no AND o.shard = $1
      AND ($5::text IS NULL OR o.type_no = (SELECT t.type_no FROM farebox.credit_types t WHERE t.credit_type = $5))
    OFFSET 0
  ) p
  LEFT JOIN LATERAL (
    SELECT u.seq, u.at FROM farebox.usage_rolled u
    WHERE u.account_no = p.account_no AND u.type_no = p.type_no AND u.shard = $1 LIMIT 1
  ) r ON true
  WHERE (p.last_seq > coalesce(r.seq, 0) AND p.last_at >= $3::timestamptz AND coalesce(r.at, '-infinity') < $4::timestamptz
      AND EXISTS (SELECT FROM active x WHERE x.account_no = p.account_no AND x.type_no = p.type_no))
    OR (
      SELECT coalesce(bool_or(m.is_match), false) OR count(*) = ${ROLL_UPS}
      FROM (
        SELECT ($6::text IS NULL OR u.endpoint_no = (SELECT n.endpoint_no FROM farebox.endpoints n WHERE n.endpoint = $6))
          AND ($7::text IS NULL OR u.key_no = (SELECT k.key_no FROM farebox.keys k WHERE k.key_id = $7)) AS is_match
        FROM farebox.usage u
        WHERE u.account_no = p.account_no AND u.type_no = p.type_no AND u.shard = $1 AND u.span = 'q'
          AND u.start >= date_bin(interval '15 minutes', $3::timestamptz, timestamptz '2000-01-01Z') AND u.start < $4::timestamptz
        LIMIT CASE WHEN $6::text IS NULL AND $7::text IS NULL THEN 1 ELSE ${ROLL_UPS} END
      ) m
    )`;

/** Names are ASCII, so JavaScript orders them as the database does. */
function comparePlaces(left: PoolPlace, right: PoolPlace): number {
  if (left.accountId !== right.accountId) return left.accountId < right.accountId ? -1 : 1;
  if (left.creditType === right.creditType) return 0;
  return left.creditType < right.creditType ? -1 : 1;
}

/** The numbers of a pool's entries in `[from, to)`: from `first` on, before `end`. A pool that does not exist has none. */
export async function findSeqRange(
  db: Queryable,
  pool: PoolKey,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<{ readonly first: number; readonly end: number }> {
  const [row] = await db.query<{ seqs: readonly [bigint, bigint] }>(
    "SELECT farebox.seqs_between($1, $2, $3, $4, $5) AS seqs",
    [pool.shard, pool.accountNo, pool.typeNo, from, to],
  );
  return { first: Number(row?.seqs[0] ?? 1), end: Number(row?.seqs[1] ?? 1) };
}
