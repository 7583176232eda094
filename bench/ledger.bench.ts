import { randomUUID } from "node:crypto";
import type { Database } from "../src/ledger/database/database.ts";
import type { ChargeItem, PoolRef } from "../src/ledger/ledger.ts";
import { type LedgerHandle, openLedger } from "../src/ledger/open-ledger.ts";
import { DurableTasks } from "../src/meter/durable-tasks.ts";
import { LeaseDesk } from "../src/meter/lease-desk.ts";
import { systemClock } from "../src/meter/meter-clock.ts";
import { silentEvents } from "../src/meter/meter-events.ts";
import { closedLoop } from "./closed-loop.ts";
import { perCall, printCpu, ratesOf, type Sample, type Samples } from "./cpu-samples.ts";
import { measureCpuTime } from "./cpu-time.ts";
import { alternate, formatRatio, formatSummary, ratios } from "./measure.ts";
import { OneTransaction } from "./one-transaction.ts";
import { BENCH_KEY, populate } from "./populate.ts";
import { withDatabase } from "./with-database.ts";

const PRICE = 1000n;
const SHARDS = 4;
/** Calls waiting for an answer at any moment, the same for every contender: a busy API with slow clients. */
const OUTSTANDING = 1024;
const SECONDS = 2;
const ROUNDS = 3;
const SPREAD = 10_000;

/** Capped and uncapped keys are measured on pools of their own: a pool whose keys have no caps looks for none. */
const KEY = BENCH_KEY;
const CAPS = JSON.stringify({ day: 1e15, month: 1e15, total: 1e15 });

/** (a) Charges per second, and their CPU time, by leases (of uncapped and of capped keys) and by plain holds, against one transaction per request, in the same database. */
export async function benchLedger(print: (line: string) => void): Promise<void> {
  for (const kind of ["postgres", "pglite"] as const) {
    for (const accounts of [1, SPREAD]) {
      await withDatabase(kind, async (database, _target, serverPid) => {
        const name = accounts === 1 ? "one hot account" : `${SPREAD.toLocaleString("en")} accounts`;
        print(`\nLedger on ${kind}, ${name}, ${OUTSTANDING} calls outstanding`);
        const pids = { node: process.pid, ...(serverPid === undefined ? {} : { Postgres: serverPid }) };
        await compare(database, accounts, pids, print);
      });
    }
  }
}

async function compare(
  database: Database,
  accounts: number,
  pids: Readonly<Record<string, number>>,
  print: (line: string) => void,
): Promise<void> {
  const all = await populate(database, 2 * accounts, SHARDS);
  const [pools, capped] = [all.slice(0, accounts), all.slice(accounts)];
  await setCaps(database, capped);
  const baseline = await OneTransaction.create(database, accounts);
  const ledger = await openLedger(database, { shards: SHARDS, idempotencyKeepSeconds: 60 });
  const desk = openDesk(ledger);
  const works: Readonly<Record<string, (n: number) => Promise<unknown>>> = {
    "one transaction": (n) => baseline.charge(n % accounts, randomUUID()),
    leases: (n) => chargeByLease(ledger, desk, poolAt(pools, n)),
    "capped keys": (n) => chargeByLease(ledger, desk, poolAt(capped, n), KEY),
    "plain holds": (n) => chargeByHold(ledger, poolAt(pools, n)),
  };
  const samples = await alternate(
    ROUNDS,
    Object.fromEntries(
      Object.entries(works).map(([name, work]) => [name, () => measure(pids, work)] as const),
    ),
    (round, name, { perSecond }) => print(`  ${round}  ${name}: ${perSecond.toFixed(0)}`),
  );
  desk.releaseAll();
  await ledger.close();
  printSamples(samples, print);
}

async function measure(
  pids: Readonly<Record<string, number>>,
  work: (n: number) => Promise<unknown>,
): Promise<Sample> {
  let completed = { calls: 0, perSecond: 0 };
  const used = await measureCpuTime(pids, async () => {
    completed = await closedLoop(OUTSTANDING, SECONDS, work);
  });
  return { perSecond: completed.perSecond, cpu: perCall(used, completed.calls) };
}

/** PGlite runs in this process. */
function printSamples(samples: Samples, print: (line: string) => void): void {
  const baseline = ratesOf(samples, "one transaction");
  for (const name of ["leases", "capped keys", "plain holds"]) {
    const rates = ratesOf(samples, name);
    print(
      `  ${name}: ${formatSummary(rates)} charges/s, ${formatRatio(ratios(rates, baseline))} one transaction per request`,
    );
  }
  printCpu(samples, "charge", print);
}

/** Caps far above what is spent, in every window. */
async function setCaps(database: Database, pools: readonly PoolRef[]): Promise<void> {
  await database.query(
    `SELECT farebox.set_key_caps(a.shard, a.account_no, ARRAY[k.key_no], 'key', jsonb_build_array($3::jsonb || jsonb_build_object('type', t.type_no)))
     FROM farebox.accounts a, farebox.keys k, farebox.credit_types t
     WHERE a.account_id = ANY ($1::text[]) AND k.key_id = $2 AND t.credit_type = 'credits' ORDER BY a.account_no`,
    [pools.map(({ accountId }) => accountId), KEY, CAPS],
  );
}

/**
 * What a request costs the ledger in the gateway: reserve in memory, or wait for the lease; then one charge. `capKey`: of
 * the lease of a key with caps.
 */
async function chargeByLease(
  ledger: LedgerHandle,
  desk: LeaseDesk,
  pool: PoolRef,
  capKey?: string,
): Promise<void> {
  let lease = desk.reserve(pool.accountId, pool.creditType, PRICE, capKey);
  if (lease === undefined) {
    const answer = await desk.wait(pool, PRICE, capKey);
    if (answer.kind !== "reserved") throw new Error(`no lease: ${answer.kind}`);
    lease = answer.lease;
  }
  const result = await ledger.charge({ ...charge(pool, "lease"), capKey });
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
    keyId: KEY,
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
  desk.trustUntil(Number.POSITIVE_INFINITY, []);
  return desk;
}
