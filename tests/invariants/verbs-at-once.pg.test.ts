import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { formatId, ID_RANDOM_BYTES } from "../../src/domain/ids.ts";
import type { KeyCap } from "../../src/domain/key-cap.ts";
import { lockAccountState, setAccountState } from "../../src/ledger/accounts/accounts.ts";
import { closeAccount } from "../../src/ledger/accounts/close-account.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { readKeyCaps } from "../../src/ledger/keys/key-caps.ts";
import { issueKeySecret } from "../../src/ledger/keys/key-secret.ts";
import { createKey, revokeKey, updateKey } from "../../src/ledger/keys/keys.ts";
import { rotateKey } from "../../src/ledger/keys/rotate-key.ts";
import type { PoolRef } from "../../src/ledger/ledger.ts";
import { type LedgerHandle, openLedger } from "../../src/ledger/open-ledger.ts";
import { assignPlan, cancelPlan, keepPlan } from "../../src/ledger/plans/account-plan.ts";
import { type NewPlan, publishPlans } from "../../src/ledger/plans/plans.ts";
import { sweepPlans } from "../../src/ledger/plans/sweep-plans.ts";
import { adjustPool } from "../../src/ledger/pools/adjust.ts";
import { grantCredits } from "../../src/ledger/pools/grant.ts";
import { advanceBulkRefund } from "../../src/ledger/refunds/advance-bulk-refund.ts";
import { createBulkRefund } from "../../src/ledger/refunds/bulk-refunds.ts";
import { previewRefunds } from "../../src/ledger/refunds/preview-refunds.ts";
import { refundCharge } from "../../src/ledger/refunds/refund.ts";
import { assertSound, chargeOf, createPool, holdOf, LEDGER, SHARDS } from "../../src/ledger/testing/books.ts";
import { sweep } from "../../src/ledger/testing/sweep.ts";
import { eachDatabase } from "../../src/ledger/testing/test-databases.ts";

/** No cap in this test is ever higher: whatever else happens, a key that always has one spends no more. */
const HIGHEST_CAP = 400n;
const TYPES = ["credits", "search"] as const;
const PLANS = ["a", "b", "c"] as const;
/** Everything that one verb may answer to another that came first. */
const REFUSALS = new Set([
  "account_closed",
  "account_has_holds",
  "adjustment_exceeds_available",
  "charge_unknown",
  "key_grace_full",
  "key_revoked",
  "plan_change_unknown",
]);
const WORKERS = 12;
const ROUNDS = 40;

interface Account {
  readonly pools: readonly [PoolRef, PoolRef];
  /** The first one always has caps of its own. */
  readonly keys: readonly string[];
  /** Pays what was held. No cap of it, nor of a plan, says less. */
  readonly freeKey: string;
}

interface World {
  readonly db: Database;
  readonly accounts: readonly Account[];
  readonly ledgers: readonly LedgerHandle[];
}

interface Choice {
  readonly verb: number;
  readonly account: number;
  readonly type: 0 | 1;
  readonly key: number;
  readonly ledger: 0 | 1;
  readonly amount: bigint;
  readonly plan: number;
  readonly isNow: boolean;
}

type Verb = (world: Required<Chosen>) => Promise<unknown>;

interface Chosen {
  readonly db: Database;
  readonly ledger: LedgerHandle;
  readonly pool: PoolRef;
  readonly keyId: string;
  readonly freeKey: string;
  readonly isCapped: boolean;
  readonly choice: Choice;
}

const choices = fc.record<Choice>({
  verb: fc.nat(1000),
  account: fc.nat(2),
  type: fc.constantFrom(0, 1),
  key: fc.nat(2),
  ledger: fc.constantFrom(0, 1),
  amount: fc.bigInt({ min: 1n, max: 90n }),
  plan: fc.nat(PLANS.length - 1),
  isNow: fc.boolean(),
});

const capOf = (creditType: string, total: bigint): KeyCap => ({ creditType, day: total, month: null, total });
const capsOf = (amount: bigint): KeyCap[] => TYPES.map((type) => capOf(type, HIGHEST_CAP - amount));
const planOf = (name: string, amount: bigint, isWide: boolean): NewPlan => ({
  name,
  recurring: (isWide ? TYPES : TYPES.slice(0, 1)).map((creditType) => ({
    creditType,
    amount,
    every: "day",
    rollover: amount % 2n === 0n ? "none" : "all",
  })),
  caps: [capOf(isWide ? "search" : "credits", amount)],
});
const newId = (): string => formatId("key", randomBytes(ID_RANDOM_BYTES));
const planName = ({ plan }: Choice): string => PLANS[plan] ?? "a";

/** By how often they happen. The last one is rare: there is no way back. */
const VERBS: readonly (readonly [number, Verb])[] = [
  [20, ({ ledger, pool, keyId, choice }) => ledger.charge(chargeOf(pool, choice.amount, { keyId }))],
  [
    8,
    ({ ledger, pool, keyId, choice }) => ledger.charge(chargeOf(pool, choice.amount, { keyId, whole: true })),
  ],
  [20, chargeLease],
  [6, chargeHold],
  [6, ({ db, pool, choice }) => db.transaction((tx) => grant(tx, pool, choice))],
  [4, adjust],
  [10, refund],
  [3, refundInBulk],
  [8, ({ db }) => advanceBulkRefund(db)],
  [8, ({ db, pool, choice }) => db.transaction((tx) => assign(tx, pool, choice))],
  [
    3,
    ({ db, pool, choice: { isNow } }) =>
      db.transaction((tx) => cancelPlan(tx, pool.accountId, isNow ? "now" : "refresh")),
  ],
  [3, ({ db, pool }) => db.transaction((tx) => keepPlan(tx, pool.accountId))],
  [
    4,
    ({ db, choice }) =>
      db.transaction((tx) => publishPlans(tx, [planOf(planName(choice), choice.amount, choice.isNow)])),
  ],
  [6, ({ db }) => sweepPlans(db)],
  [4, ({ db }) => sweep(db, { shards: SHARDS, deadAfterMs: 86_400_000 })],
  [12, limitKey],
  [
    6,
    ({ db, keyId, choice: { isNow } }) =>
      db.transaction((tx) =>
        rotateKey(tx, keyId, { ...issueKeySecret("fbx").secret, graceSeconds: isNow ? 0 : 60 }),
      ),
  ],
  [4, ({ db, pool, choice }) => db.transaction((tx) => addKey(tx, pool, newId(), capsOf(choice.amount)))],
  [4, createAndRevoke],
  [3, suspendAndGoOn],
  [4, ({ ledger }) => ledger.heartbeat()],
  [
    1,
    ({ db, pool, choice: { account } }) =>
      account === 2 ? db.transaction((tx) => closeAccount(tx, pool.accountId)) : Promise.resolve(),
  ],
];
const TOTAL = VERBS.reduce((sum, [weight]) => sum + weight, 0);

function chooseVerb(number: number): Verb {
  let left = number % TOTAL;
  for (const [weight, verb] of VERBS) {
    left -= weight;
    if (left < 0) return verb;
  }
  return assert.fail();
}

async function chargeLease({ ledger, pool, keyId, isCapped, choice: { amount } }: Chosen): Promise<void> {
  const capKey = isCapped ? keyId : undefined;
  const { granted } = await ledger.lease({ pool, capKey, giveBack: 0n, need: amount, want: amount * 2n });
  if (granted === 0n) return;
  await ledger.charge(chargeOf(pool, amount, { keyId, hold: "lease", capKey }));
  await ledger.release({ pool, hold: "lease", capKey, amount: granted - amount });
}

async function chargeHold({ ledger, pool, freeKey, choice: { amount, isNow } }: Chosen): Promise<void> {
  const id = newId();
  const held = await ledger.hold(holdOf(pool, id, amount));
  if (held.kind !== "held") return;
  if (isNow) await ledger.charge(chargeOf(pool, amount, { hold: { id }, keyId: freeKey }));
  else await ledger.release({ pool, hold: { id }, amount: 0n });
}

async function grant(
  tx: Parameters<typeof lockAccountState>[0],
  pool: PoolRef,
  { amount }: Choice,
): Promise<void> {
  const { state } = await lockAccountState(tx, pool.accountId);
  if (state !== "closed") await grantCredits(tx, { pool, amount: amount * 10n, source: "topup" });
}

function adjust({ db, pool, choice: { amount, isNow } }: Chosen): Promise<unknown> {
  return adjustPool(db, { pool, amount: isNow ? amount : -amount, reason: "r", reference: newId() });
}

async function assign(
  tx: Parameters<typeof assignPlan>[0],
  { accountId }: PoolRef,
  choice: Choice,
): Promise<void> {
  await assignPlan(tx, accountId, planName(choice), { when: choice.isNow ? "now" : "refresh" });
}

function refund({ db, pool, choice: { amount, verb } }: Chosen): Promise<unknown> {
  const seq = Number(amount) + (verb % 40);
  return refundCharge(db, { pool, seq, amount: "all", reason: "r", reference: `r${verb % 2}` });
}

async function refundInBulk({ db, pool: { accountId }, choice: { isNow } }: Chosen): Promise<void> {
  const [row] = await db.query<{ now: Date }>("SELECT date_trunc('milliseconds', clock_timestamp()) AS now");
  const to = row?.now ?? assert.fail();
  const filter = { from: new Date(to.getTime() - 200), to, ...(isNow ? { accountId } : {}) };
  const preview = await previewRefunds(db, filter);
  const bulkId = newId().replace("key", "bulk");
  await db.transaction((tx) =>
    createBulkRefund(tx, { bulkId, reference: undefined, reason: "r", filter, preview }),
  );
}

/** The first key gets other caps; the others get some, or none, and then those of the plan. */
async function limitKey({ db, keyId, isCapped, choice: { amount, isNow } }: Chosen): Promise<void> {
  const caps = isCapped || isNow ? capsOf(amount * 4n) : [];
  await db.transaction((tx) => updateKey(tx, keyId, { caps, name: `n${amount}` }));
}

async function addKey(
  tx: Parameters<typeof createKey>[0],
  { accountId }: PoolRef,
  keyId: string,
  caps: readonly KeyCap[],
): Promise<void> {
  const { secret } = issueKeySecret("fbx");
  await createKey(tx, { ...secret, keyId, accountId, name: "", caps, expiresAt: null });
}

async function createAndRevoke({ db, pool, choice: { amount, isNow } }: Chosen): Promise<void> {
  const keyId = newId();
  await db.transaction((tx) => addKey(tx, pool, keyId, isNow ? capsOf(amount) : []));
  await db.transaction((tx) => revokeKey(tx, keyId));
}

async function suspendAndGoOn({ db, pool: { accountId } }: Chosen): Promise<void> {
  await db.transaction((tx) => setAccountState(tx, accountId, "suspended"));
  await db.transaction((tx) => setAccountState(tx, accountId, "active"));
}

async function openAccount(db: Database): Promise<Account> {
  const pool = await createPool(db, 3000n);
  const second = { ...pool, creditType: "search" };
  await grantCredits(db, { pool: second, amount: 3000n, source: "topup" });
  const keys = [newId(), newId(), newId()];
  for (const [index, keyId] of keys.entries()) {
    await db.transaction((tx) => addKey(tx, pool, keyId, index === 0 ? capsOf(0n) : []));
  }
  const freeKey = newId();
  await db.transaction((tx) => addKey(tx, pool, freeKey, capsOf(-1_000_000n)));
  return { pools: [pool, second], keys, freeKey };
}

/** Runs what was chosen one after the other. What is no refusal is a fault, and returned. */
async function work(world: World, chosen: readonly Choice[]): Promise<unknown[]> {
  const faults: unknown[] = [];
  for (const choice of chosen) {
    const account = world.accounts[choice.account] ?? assert.fail();
    const ledger = world.ledgers[choice.ledger] ?? assert.fail();
    const keyId = account.keys[choice.key] ?? assert.fail();
    const pool = account.pools[choice.type];
    try {
      await chooseVerb(choice.verb)({
        db: world.db,
        ledger,
        pool,
        keyId,
        freeKey: account.freeKey,
        isCapped: choice.key === 0,
        choice,
      });
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (typeof code !== "string" || !REFUSALS.has(code)) faults.push(error);
    }
  }
  return faults;
}

async function countDeadlocks(db: Database): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    "SELECT deadlocks::int AS count FROM pg_stat_database WHERE datname = current_database()",
  );
  return row?.count ?? 0;
}

eachDatabase("all verbs at once", (openFresh) => {
  test("nothing waits for ever or fails, books stay sound, and no key passes its cap", {
    timeout: 120_000,
  }, async () => {
    const db = await openFresh();
    await db.transaction((tx) =>
      publishPlans(
        tx,
        PLANS.map((name) => planOf(name, 40n, name === "b")),
      ),
    );
    const accounts = await Promise.all([openAccount(db), openAccount(db), openAccount(db)]);
    const ledgers = await Promise.all([openLedger(db, LEDGER), openLedger(db, LEDGER)]);
    const seed = randomBytes(4).readInt32BE();
    const chosen = fc.sample(fc.array(choices, { minLength: ROUNDS, maxLength: ROUNDS }), {
      numRuns: WORKERS,
      seed,
    });
    const faults = await Promise.all(chosen.map((list) => work({ db, accounts, ledgers }, list)));
    assert.deepEqual(faults.flat(), [], `seed ${seed}`);
    while (await advanceBulkRefund(db));
    for (const { pools, keys } of accounts) {
      for (const state of await readKeyCaps(db, pools[0], keys.slice(0, 1))) {
        assert.ok(state.spent.total <= HIGHEST_CAP, `seed ${seed}: spent ${state.spent.total}`);
      }
    }
    for (const ledger of ledgers) await ledger.close();
    await assertSound(db, { atRest: true });
    assert.equal(await countDeadlocks(db), 0, `seed ${seed}: locks are taken in one order`);
  });
});
