import { randomUUID } from "node:crypto";
import type { Database } from "../src/ledger/database/database.ts";
import type { PoolRef } from "../src/ledger/ledger.ts";
import { type LedgerHandle, openLedger } from "../src/ledger/open-ledger.ts";
import { readBalances } from "../src/ledger/pools/balances.ts";
import { listEntries } from "../src/ledger/pools/entries.ts";
import { compareGrowth, type Sizes, type Subjects } from "./compare-growth.ts";
import { BENCH_KEY, populate } from "./populate.ts";
import { withDatabase } from "./with-database.ts";

const SMALL = 10_000;
const LARGE = 1_000_000;
const CALLS = 300;

/** (c) What a charge, a balance and a page of entries cost when the pool has 10^4 and when it has 10^6 entries. */
export async function benchGrowth(print: (line: string) => void): Promise<void> {
  await withDatabase("postgres", async (database) => {
    const [small, large] = await populate(database, 2, 2);
    if (small === undefined || large === undefined) throw new Error("no pools");
    const ledger = await openLedger(database, { shards: 2, idempotencyKeepSeconds: 60 });
    print(
      `\nGrowth on postgres: a pool of ${SMALL.toLocaleString("en")} and one of ${LARGE.toLocaleString("en")} entries`,
    );
    for (const [pool, entries] of [
      [small, SMALL],
      [large, LARGE],
    ] as const) {
      await fill(ledger, pool, entries, print);
    }
    await compare(database, ledger, { small, large }, print);
    await ledger.close();
  });
}

/** Real charges, thousands at a time, so that the table looks as it does in production. */
async function fill(
  ledger: LedgerHandle,
  pool: PoolRef,
  entries: number,
  print: (line: string) => void,
): Promise<void> {
  const start = performance.now();
  for (let done = 1; done < entries; done += 5000) {
    await Promise.all(Array.from({ length: Math.min(5000, entries - done) }, () => chargeOnce(ledger, pool)));
  }
  print(
    `  ${entries.toLocaleString("en")} entries made in ${((performance.now() - start) / 1000).toFixed(1)} s`,
  );
}

function chargeOnce(ledger: LedgerHandle, pool: PoolRef): Promise<unknown> {
  return ledger.charge({
    pool,
    hold: null,
    amount: 1000n,
    requestId: randomUUID(),
    keyId: BENCH_KEY,
    endpoint: "GET /v1/ip-lookup",
    units: 1,
    status: 200,
    priceList: 1,
  });
}

async function compare(
  database: Database,
  ledger: LedgerHandle,
  pools: Sizes,
  print: (line: string) => void,
): Promise<void> {
  const subjects: Subjects = {
    charge: (pool) => chargeOnce(ledger, pool),
    "balance read": (pool) => readBalances(database, pool.accountId, pool.shard),
    "page of 50 entries": (pool) => listEntries(database, pool, { limit: 50 }),
  };
  await compareGrowth(subjects, pools, CALLS, print);
}
