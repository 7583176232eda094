import { randomBytes, randomUUID } from "node:crypto";
import { formatId, ID_RANDOM_BYTES } from "../src/domain/ids.ts";
import { createAccount } from "../src/ledger/accounts/accounts.ts";
import type { Database } from "../src/ledger/database/database.ts";
import type { ChargeItem, PoolRef } from "../src/ledger/ledger.ts";
import { type LedgerHandle, openLedger } from "../src/ledger/open-ledger.ts";
import { grantCredits } from "../src/ledger/pools/grant.ts";
import { addKey } from "../src/ledger/testing/books.ts";

/** One shard, so that charges queued in the same turn leave in the same batch. */
const SHARDS = 1;

const PRICE = 1000n;
/** As long as real ones are: it is a good part of what an entry says. */
const ENDPOINT = "GET /cdapi/v2/employee_multi_source/collect/{id}";
const GRANT = 1_000_000_000_000n;

/** So many charges, spread evenly over so many pools. */
export interface BatchShape {
  readonly charges: number;
  readonly pools: number;
}

interface LeasedPool {
  readonly pool: PoolRef;
  readonly keyId: string;
}

/**
 * Pools of one shard, each of an account with one key, from which this instance has leased more than is ever charged: every
 * batch holds plain charges and nothing else.
 */
export class LeasedPools {
  readonly ledger: LedgerHandle;
  readonly #pools: readonly LeasedPool[];

  private constructor(ledger: LedgerHandle, pools: readonly LeasedPool[]) {
    this.ledger = ledger;
    this.#pools = pools;
  }

  static async open(database: Database, count: number): Promise<LeasedPools> {
    const ledger = await openLedger(database, { shards: SHARDS, idempotencyKeepSeconds: 60 });
    const pools: LeasedPool[] = [];
    for (let n = 0; n < count; n += 1) pools.push(await openPool(database));
    for (const { pool } of pools) {
      const { granted } = await ledger.lease({ pool, giveBack: 0n, need: GRANT / 2n, want: GRANT / 2n });
      if (granted !== GRANT / 2n) throw new Error(`leased ${granted}`);
    }
    return new LeasedPools(ledger, pools);
  }

  /** The charges of so many batches, made ahead so that the making is not measured. */
  prepare(batches: number, { charges, pools }: BatchShape): ChargeItem[][] {
    return Array.from({ length: batches }, () =>
      Array.from({ length: charges }, (_, n) => this.#charge(n % pools)),
    );
  }

  #charge(index: number): ChargeItem {
    const leased = this.#pools[index];
    if (leased === undefined) throw new Error(`there is no pool ${index}`);
    return {
      pool: leased.pool,
      hold: "lease",
      amount: PRICE,
      requestId: randomUUID(),
      keyId: leased.keyId,
      endpoint: ENDPOINT,
      units: 1,
      status: 200,
      priceList: 1,
    };
  }

  /** One batch after the other. */
  async charge(batches: readonly (readonly ChargeItem[])[]): Promise<void> {
    for (const batch of batches) {
      const results = await Promise.all(batch.map((item) => this.ledger.charge(item)));
      for (const { kind, charged } of results) {
        if (kind !== "charged" || charged !== PRICE) throw new Error(`${kind} ${charged}`);
      }
    }
  }
}

async function openPool(database: Database): Promise<LeasedPool> {
  const accountId = formatId("account", randomBytes(ID_RANDOM_BYTES));
  const { shard } = await createAccount(database, { accountId, name: "Bench", shards: SHARDS });
  const pool = { accountId, creditType: "credits", shard };
  await grantCredits(database, { pool, amount: GRANT, source: "topup" });
  const { keyId } = await addKey(database, { accountId });
  return { pool, keyId };
}

/**
 * How many batches have written how many entries each, since a moment of the database's: a batch is one transaction, whose
 * number stands in every row.
 */
export async function countBatches(database: Database, since: Date): Promise<Map<number, number>> {
  const rows = await database.query<{ entries: number; batches: number }>(
    `SELECT entries::int AS entries, count(*)::int AS batches
     FROM (SELECT count(*) AS entries FROM farebox.entries WHERE at >= $1 GROUP BY xmin::text) b GROUP BY 1 ORDER BY 1`,
    [since],
  );
  return new Map(rows.map(({ entries, batches }) => [entries, batches]));
}

/** The database's time. */
export async function readTime(database: Database): Promise<Date> {
  const [row] = await database.query<{ now: Date }>("SELECT clock_timestamp() AS now");
  if (row === undefined) throw new Error("the database told no time");
  return row.now;
}
