import type { ChargeRef } from "../../domain/ids.ts";
import { readUuidV7Time } from "../../domain/ids.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolKey } from "../pools/pool-key.ts";
import { findSeqRange } from "../reports/charged-pools.ts";
import { SCANNED_ENTRIES } from "./charge-filter.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/**
 * How long before and after its request's id a charge is looked for, one after the other. The id has the time of the
 * instance that took the request in; the charge has the database's, when the response was complete.
 */
const WINDOWS: readonly (readonly [number, number])[] = [
  [MINUTE / 2, 2 * MINUTE],
  [5 * MINUTE, 15 * MINUTE],
  [HOUR, 2 * HOUR],
  [24 * HOUR, 25 * HOUR],
];

/** Entries that are looked through for one id before the search gives up, unless less is asked for: a few seconds. */
const MOST_ENTRIES = 2_000_000;

export interface FoundCharges {
  /** Usually one; empty when there is none. */
  readonly charges: readonly ChargeRef[];
  /** False when entries were left that nobody looked at. */
  readonly isComplete: boolean;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text can be a request's id: a UUID. */
export function isRequestId(text: string): boolean {
  return UUID.test(text);
}

/**
 * The charges of a request, by its id, in all pools of an account; none for what is no UUID. Entries have no index on it: an id
 * of the gateway's (a UUIDv7) tells when to look, and the search widens from there; for any other id the newest entries come
 * first.
 */
export async function findChargesOfRequest(
  db: Queryable,
  account: { readonly accountId: string; readonly shard: number },
  requestId: string,
  { mostEntries = MOST_ENTRIES }: { readonly mostEntries?: number } = {},
): Promise<FoundCharges> {
  if (!isRequestId(requestId)) return { charges: [], isComplete: true };
  const at = readUuidV7Time(requestId);
  const search = new Search(db, requestId, await listPools(db, account), mostEntries);
  if (at !== undefined) {
    for (const [before, after] of WINDOWS) {
      const charges = await search.widen(new Date(at - before), new Date(at + after));
      if (charges.length > 0) return { charges, isComplete: true };
    }
  }
  const charges = await search.finish();
  return { charges, isComplete: search.left > 0 };
}

interface SearchedPool extends PoolKey {
  readonly accountId: string;
  readonly creditType: string;
  readonly end: number;
  /** The entries in [from, to) were looked through. */
  from: number;
  to: number;
}

class Search {
  /** Entries that may still be looked through. */
  left: number;
  readonly #db: Queryable;
  readonly #requestId: string;
  readonly #pools: readonly SearchedPool[];

  constructor(db: Queryable, requestId: string, pools: readonly SearchedPool[], mostEntries: number) {
    this.left = mostEntries;
    this.#db = db;
    this.#requestId = requestId;
    this.#pools = pools;
  }

  /** Looks through what was not yet looked through between two moments. */
  async widen(from: Date, to: Date): Promise<ChargeRef[]> {
    const found: ChargeRef[] = [];
    for (const pool of this.#pools) {
      const { first, end } = await findSeqRange(this.#db, pool, { from, to });
      found.push(...(await this.#extend(pool, first, end)));
    }
    return found;
  }

  /** Looks through all the rest, the newest first. */
  async finish(): Promise<ChargeRef[]> {
    const found: ChargeRef[] = [];
    for (const pool of this.#pools) found.push(...(await this.#extend(pool, 1, pool.end)));
    return found;
  }

  async #extend(pool: SearchedPool, from: number, to: number): Promise<ChargeRef[]> {
    const isFirst = pool.from === pool.to;
    const found = isFirst
      ? await this.#scan(pool, from, to)
      : [...(await this.#scan(pool, pool.to, to)), ...(await this.#scan(pool, from, pool.from))];
    pool.from = from;
    pool.to = to;
    return found;
  }

  async #scan(pool: SearchedPool, from: number, to: number): Promise<ChargeRef[]> {
    const found: ChargeRef[] = [];
    for (let end = to; end > from && this.left > 0; ) {
      const start = Math.max(from, end - Math.min(SCANNED_ENTRIES, this.left));
      const rows = await this.#db.query<{ seq: bigint }>(
        `SELECT seq FROM farebox.entries
         WHERE account_no = $1 AND type_no = $2 AND shard = $3 AND seq >= $4 AND seq < $5
           AND kind = 'c' AND request = $6::uuid ORDER BY seq`,
        [pool.accountNo, pool.typeNo, pool.shard, start, end, this.#requestId],
      );
      const { accountId, creditType } = pool;
      found.push(...rows.map(({ seq }) => ({ accountId, creditType, seq: Number(seq) })));
      this.left -= end - start;
      end = start;
    }
    return found;
  }
}

async function listPools(
  db: Queryable,
  { accountId, shard }: { readonly accountId: string; readonly shard: number },
): Promise<SearchedPool[]> {
  const rows = await db.query<{ accountNo: number; typeNo: number; creditType: string; lastSeq: bigint }>(
    `SELECT p.account_no AS "accountNo", p.type_no AS "typeNo", t.credit_type AS "creditType", p.last_seq AS "lastSeq"
     FROM farebox.accounts a JOIN farebox.pools p ON p.account_no = a.account_no AND p.shard = a.shard
     JOIN farebox.credit_types t ON t.type_no = p.type_no
     WHERE a.account_id = $1 AND p.shard = $2 ORDER BY t.credit_type`,
    [accountId, shard],
  );
  return rows.map(({ accountNo, typeNo, creditType, lastSeq }) => ({
    accountNo,
    typeNo,
    creditType,
    accountId,
    shard,
    end: Number(lastSeq) + 1,
    from: 1,
    to: 1,
  }));
}
