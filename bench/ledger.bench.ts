import { randomUUID } from "node:crypto";
import type { Database } from "../src/ledger/database/database.ts";
import type { ChargeItem, PoolRef } from "../src/ledger/ledger.ts";
import { type LedgerHandle, openLedger } from "../src/ledger/open-ledger.ts";
import { DurableTasks } from "../src/meter/durable-tasks.ts";
import { LeaseDesk } from "../src/meter/lease-desk.ts";
import { systemClock } from "../src/meter/meter-clock.ts";
import { silentEvents } from "../src/meter/meter-events.ts";
import { closedLoop } from "./closed-loop.ts";
import { alternate, formatRatio, formatSummary, ratios } from "./measure.ts";
import { OneTransaction } from "./one-transaction.ts";
import { populate } from "./populate.ts";
import { withDatabase } from "./with-database.ts";

const PRICE = 1000n;
const SHARDS = 4;
/** Calls waiting for an answer at any moment, the same for every contender: a busy API with slow clients. */
const OUTSTANDING = 1024;
const SECONDS = 2;
const ROUNDS = 3;
const SPREAD = 10_000;

/** (a) Charges per second by leases and by plain holds, against one transaction per request, in the same database. */
export async function benchLedger(print: (line: string) => void): Promise<void> {
  for (const kind of ["postgres", "pglite"] as const) {
    for (const accounts of [1, SPREAD]) {
      await withDatabase(kind, async (database) => {
        const name = accounts === 1 ? "one hot account" : `${SPREAD.toLocaleString("en")} accounts`;
        print(`\nLedger on ${kind}, ${name}, ${OUTSTANDING} calls outstanding`);
        await compare(database, accounts, print);
      });
    }
  }
}

async function compare(database: Database, accounts: number, print: (line: string) => void): Promise<void> {
  const pools = await populate(database, accounts, SHARDS);
  const baseline = await OneTransaction.create(database, accounts);
  const ledger = await openLedger(database, { shards: SHARDS, idempotencyKeepSeconds: 60 });
  const desk = openDesk(ledger);
  const contenders = {
    "one transaction": () =>
      closedLoop(OUTSTANDING, SECONDS, (n) => baseline.charge(n % accounts, randomUUID())),
    leases: () => closedLoop(OUTSTANDING, SECONDS, (n) => chargeByLease(ledger, desk, poolAt(pools, n))),
    "plain holds": () => closedLoop(OUTSTANDING, SECONDS, (n) => chargeByHold(ledger, poolAt(pools, n))),
  };
  const samples = await alternate(ROUNDS, contenders, print);
  desk.releaseAll();
  await ledger.close();
  for (const name of ["leases", "plain holds"] as const) {
    print(
      `  ${name}: ${formatSummary(samples[name])} charges/s, ${formatRatio(ratios(samples[name], samples["one transaction"]))} one transaction per request`,
    );
  }
}

/** What a request costs the ledger in the gateway: reserve in memory, or wait for the lease; then one charge. */
async function chargeByLease(ledger: LedgerHandle, desk: LeaseDesk, pool: PoolRef): Promise<void> {
  let lease = desk.reserve(pool.accountId, pool.creditType, PRICE);
  if (lease === undefined) {
    const answer = await desk.wait(pool, PRICE);
    if (answer.kind !== "reserved") throw new Error(`no lease: ${answer.kind}`);
    lease = answer.lease;
  }
  const result = await ledger.charge(charge(pool, "lease"));
  desk.settle(lease, PRICE, result.charged);
}

/** What a client without a lease costs: a hold in one batch, its charge in a later one. */
async function chargeByHold(ledger: LedgerHandle, pool: PoolRef): Promise<void> {
  const id = randomUUID();
  const held = await ledger.hold({ pool, id, amount: PRICE, ttlSeconds: 60 });
  if (held.kind !== "held") throw new Error(`no hold: ${held.kind}`);
  await ledger.charge(charge(pool, { id }));
}

function charge(pool: PoolRef, hold: ChargeItem["hold"]): ChargeItem {
  return {
    pool,
    hold,
    amount: PRICE,
    requestId: randomUUID(),
    keyId: "key_0000000000000000",
    endpoint: "GET /v1/ip-lookup",
    units: 1,
    status: 200,
    priceList: 1,
  };
}

function poolAt(pools: readonly PoolRef[], n: number): PoolRef {
  // A large step visits the accounts in no order that the shards or the index would like.
  const pool = pools[(n * 7919) % pools.length];
  if (pool === undefined) throw new Error("no pool");
  return pool;
}

function openDesk(ledger: LedgerHandle): LeaseDesk {
  const desk = new LeaseDesk({
    ledger,
    clock: systemClock,
    random: Math.random,
    events: silentEvents,
    tasks: new DurableTasks(systemClock, Math.random, silentEvents),
    idleMs: 1000,
  });
  // No sweeper runs here that could declare this instance dead.
  desk.trustUntil(Number.POSITIVE_INFINITY);
  return desk;
}
