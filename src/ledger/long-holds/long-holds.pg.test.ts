import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { afterEach, before, test } from "node:test";
import { formatUuidV7 } from "../../domain/ids.ts";
import type { Database } from "../database/database.ts";
import { setKeyCaps } from "../keys/key-caps.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { refundCharge } from "../refunds/refund.ts";
import type { ExpiredHold } from "../sweep/long-hold-steps.ts";
import { createSteps } from "../sweep/sweep.ts";
import { atOnce, fulfilled, refusedCodes } from "../testing/at-once.ts";
import {
  addKey,
  assertSound,
  chargeOf,
  createPool,
  LEDGER,
  leaseOf,
  letTimePass,
  OF_POOL,
  readPool,
  roll,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import type { LongSettled, LongSettlement, NewLongHold } from "./long-hold.ts";
import { LongHoldRows } from "./long-hold-rows.ts";

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const newRequestId = (): string => formatUuidV7(Date.now(), randomBytes(10));

/** A job, and what is held for it. */
interface Job {
  readonly pool: PoolRef;
  readonly keyId: string;
  readonly requestId: string;
}

const HOUR_MS = 3_600_000;

eachDatabase("long holds", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  /** Instances. */
  let one: LongHoldRows;
  let two: LongHoldRows;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    one = new LongHoldRows(db);
    two = new LongHoldRows(db);
  });
  afterEach(() => assertSound(db));

  const newHold = (pool: PoolRef, amount: bigint, change: Partial<NewLongHold> = {}): NewLongHold => ({
    pool,
    keyId: "key_1",
    endpoint: "POST /jobs",
    requestId: newRequestId(),
    callerId: newRequestId(),
    content: hash("a job"),
    token: "fbh_text",
    amount,
    units: Number(amount),
    most: undefined,
    ttlSeconds: 3_600,
    ...change,
  });

  async function open(pool: PoolRef, amount: bigint, change: Partial<NewLongHold> = {}): Promise<Job> {
    const hold = newHold(pool, amount, change);
    const opened = await one.open(hold);
    assert.equal(opened.kind, "held");
    return { pool, keyId: hold.keyId, requestId: hold.requestId };
  }

  /** By its units, a credit each. */
  const settlement = (
    { pool, keyId, requestId }: Job,
    part: string | undefined,
    amount: bigint | undefined,
    change: Partial<NonNullable<LongSettlement["charge"]>> & { readonly isWhole?: boolean } = {},
  ): LongSettlement => ({
    pool,
    requestId,
    part,
    content: hash(`${part} ${amount}`),
    isWhole: change.isWhole ?? false,
    charge:
      amount === undefined
        ? undefined
        : {
            keyId,
            endpoint: "POST /jobs",
            amount,
            units: Number(amount),
            status: 200,
            priceList: 1,
            ...change,
          },
  });

  const settle = (
    job: Job,
    part: string | undefined,
    amount: bigint | undefined,
    change: Parameters<typeof settlement>[3] = {},
  ): Promise<LongSettled> => one.settle(settlement(job, part, amount, change));

  /** `"charged 3 of 5"`, or what keeps it from being charged. */
  const say = (result: LongSettled): string => {
    if (result.kind !== "told") return result.kind;
    const { kind, charged, uncollected } = result.settled;
    return kind === "charged" ? `charged ${charged} of ${charged + uncollected}` : kind;
  };

  const pass = async (pool: PoolRef, ms: number): Promise<void> => {
    await letTimePass(db, pool, ms);
    await roll(db, pool);
  };

  /** Balance and what is held of it. */
  const state = async (pool: PoolRef): Promise<readonly [bigint, bigint]> => {
    const { balance, held } = await readPool(db, pool);
    return [balance, held];
  };

  test("a job is held, charged in parts and ended: the rest is free", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n);
    assert.deepEqual(await state(pool), [100n, 60n]);
    assert.equal(say(await settle(job, "a", 10n)), "charged 10 of 10");
    assert.equal(say(await settle(job, "b", 20n)), "charged 20 of 20");
    assert.deepEqual(await state(pool), [70n, 30n]);
    assert.equal(say(await settle(job, "nothing", 0n)), "charged 0 of 0");
    assert.equal(say(await settle(job, "failed", undefined)), "free");
    assert.deepEqual(await state(pool), [70n, 30n]);
    assert.equal(say(await settle(job, undefined, 5n)), "charged 5 of 5");
    assert.deepEqual(await state(pool), [65n, 0n]);
    for (const part of ["a", "b"])
      assert.equal(
        say(await settle(job, part, part === "a" ? 10n : 20n)),
        `charged ${part === "a" ? 10 : 20} of ${part === "a" ? 10 : 20}`,
      );
    assert.equal(say(await settle(job, "c", 1n)), "settled");
    assert.deepEqual(await state(pool), [65n, 0n]);
  });

  test("the same part many times at once, at two instances, is charged once and told alike", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n);
    for (const part of ["a", undefined]) {
      const results = await Promise.all(
        [one, two, one, two, one, two].map((rows) => rows.settle(settlement(job, part, 7n))),
      );
      const [first] = results;
      for (const result of results) {
        assert.ok(result.kind === "told" && first?.kind === "told");
        assert.deepEqual({ ...result.settled, isAgain: false }, { ...first.settled, isAgain: false });
      }
      assert.equal(results.filter((result) => result.kind === "told" && !result.settled.isAgain).length, 1);
    }
    assert.deepEqual(await state(pool), [86n, 0n]);
    assert.equal((await readPool(db, pool)).spent, 14n);
  });

  test("another content under a part's name is a conflict, and so is another last settlement", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n);
    const results = await Promise.all([1n, 2n, 3n].map((amount) => settle(job, "a", amount)));
    assert.deepEqual(results.map(({ kind }) => kind).toSorted(), ["conflict", "conflict", "told"]);
    const last = await Promise.all([4n, 5n].map((amount) => settle(job, undefined, amount)));
    assert.deepEqual(last.map(({ kind }) => kind).toSorted(), ["conflict", "told"]);
  });

  test("a part beyond what is left takes what the pool has, the rest is uncollected, and never less than nothing is left", async () => {
    const pool = await createPool(db, 50n);
    const job = await open(pool, 30n);
    const other = await open(pool, 10n);
    assert.equal(say(await settle(job, "a", 35n)), "charged 35 of 35");
    assert.deepEqual(await state(pool), [15n, 10n]);
    assert.equal(say(await settle(job, "b", 9n)), "charged 5 of 9");
    assert.deepEqual(await state(pool), [10n, 10n]);
    assert.equal(say(await settle(other, undefined, 10n)), "charged 10 of 10");
    assert.equal((await one.release(pool, job.requestId)).kind, "released");
    assert.deepEqual(await state(pool), [0n, 0n]);
    assert.equal((await readPool(db, pool)).uncollected, 4n);
  });

  test("one id is one hold, at once and at two instances, and of two pools", async () => {
    const pool = await createPool(db, 100n);
    const tokens = { ...pool, creditType: "tokens" };
    await grantCredits(db, { pool: tokens, amount: 100n, source: "topup" });
    const callerId = "job 1";
    const asked = [pool, tokens, pool, tokens, pool].map((of, index) =>
      newHold(of, 40n, { callerId, token: `text ${index}` }),
    );
    const opened = await Promise.all(asked.map((hold, index) => (index % 2 === 0 ? one : two).open(hold)));
    assert.equal(opened.filter(({ kind }) => kind === "held").length, 1);
    const held = asked[opened.findIndex(({ kind }) => kind === "held")];
    for (const result of opened) {
      if (result.kind === "found") assert.equal(result.hold.token, held?.token);
    }
    const found = await two.find(pool, callerId);
    assert.deepEqual([found?.token, found?.requestId, found?.amount], [held?.token, held?.requestId, 40n]);
    const [ofPool, ofTokens] = await Promise.all([pool, tokens].map((of) => readPool(db, of)));
    assert.equal((ofPool?.held ?? 0n) + (ofTokens?.held ?? 0n), 40n);
    assert.equal(await two.find(await createPool(db, 1n), callerId), undefined);
  });

  test("what the pool lacks is refused, and what an instance leases of it is asked back and held", async () => {
    const pool = await createPool(db, 100n);
    const short = await one.open(newHold(pool, 101n));
    assert.ok(short.kind === "short");
    assert.deepEqual([short.shortage.available, short.shortage.recalled], [100n, false]);
    await ledger.lease(leaseOf(pool, 60n));
    const opening = one.open(newHold(pool, 100n));
    while ((await ledger.heartbeat([pool.shard])).recalls.length === 0) await new Promise(setImmediate);
    await ledger.release({ pool, hold: "lease", amount: 60n });
    assert.equal((await opening).kind, "held");
    assert.deepEqual(await state(pool), [100n, 100n]);
  });

  test("release frees the rest once; parts stay charged, and are refunded as other charges are", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n);
    const part = await settle(job, "a", 10n);
    assert.ok(part.kind === "told");
    const released = await Promise.all([one, two, one].map((rows) => rows.release(pool, job.requestId)));
    assert.deepEqual(
      released.map(({ kind }) => kind),
      ["released", "released", "released"],
    );
    assert.deepEqual(await state(pool), [90n, 0n]);
    assert.equal(say(await settle(job, "b", 1n)), "released");
    assert.equal(say(await settle(job, undefined, 1n)), "released");
    assert.equal(say(await settle(job, "a", 10n)), "charged 10 of 10");
    const refund = { pool, seq: part.settled.seq ?? 0, amount: "all", reason: "r", reference: "x" } as const;
    await atOnce(2, () => refundCharge(db, refund));
    assert.deepEqual(await state(pool), [100n, 0n]);
  });

  test("whoever comes first of a part, the end, a release and an extension at once decides; nothing is charged after the end", async () => {
    for (let round = 0; round < 4; round += 1) {
      const pool = await createPool(db, 100n);
      const job = await open(pool, 60n);
      const results = await atOnce<{ readonly kind: string } | string>(4, (index) => {
        const turn = (index + round) % 4;
        if (turn === 0) return one.settle(settlement(job, "a", 10n));
        if (turn === 1) return two.settle(settlement(job, undefined, 20n));
        return turn === 2 ? one.release(pool, job.requestId) : two.extend(pool, job.requestId, 7_200);
      });
      assert.deepEqual(refusedCodes(results), []);
      assert.equal(fulfilled(results).length, 4);
      const [row] = await db.query<{ charged: bigint; state: string }>(
        `SELECT charged, state FROM farebox.long_holds WHERE ${OF_POOL}`,
        [pool.accountId, pool.creditType],
      );
      const { balance, held, spent } = await readPool(db, pool);
      assert.deepEqual([held, balance, row?.charged], [0n, 100n - spent, spent]);
      assert.ok(row?.state === "settled" || row?.state === "released");
      assert.equal(say(await settle(job, "late", 5n)), row?.state);
    }
  });

  test("its time is the database's: then the rest is free, told once, and a late part is taken from the pool for an hour", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n, { ttlSeconds: 60 });
    assert.equal(await two.extend(pool, job.requestId, 7_200), "extended");
    await pass(pool, 3_600_000);
    assert.equal(say(await settle(job, "a", 10n)), "charged 10 of 10");
    assert.deepEqual(await state(pool), [90n, 50n]);
    await pass(pool, 3_600_001);
    assert.deepEqual(await state(pool), [90n, 0n]);
    assert.equal(await one.extend(pool, job.requestId, 60), "over");
    const told: ExpiredHold[] = [];
    const steps = createSteps(db, { deadAfterMs: 60_000 }, { onExpired: (hold) => told.push(hold) });
    const step = steps.find(({ name }) => name === "expired holds") ?? assert.fail();
    const all = [0, 1, 2, 3];
    await Promise.all([1, 2, 3].map(() => step.run({ all, with: () => all }, true)));
    assert.deepEqual(told, [
      {
        requestId: job.requestId,
        accountId: pool.accountId,
        endpoint: "POST /jobs",
        asked: 60n,
        charged: 10n,
        parts: 1,
      },
    ]);
    await Promise.all([one, two].map((rows) => rows.settle(settlement(job, "late", 95n))));
    assert.deepEqual(await state(pool), [0n, 0n]);
    assert.equal(say(await settle(job, "late", 95n)), "charged 90 of 95");
    await pass(pool, HOUR_MS);
    assert.equal(say(await settle(job, "b", 1n)), "expired");
    assert.equal(say(await settle(job, undefined, 1n)), "expired");
    assert.equal(say(await settle(job, "a", 10n)), "charged 10 of 10");
  });

  test("a month later nothing is known of it, and nothing is charged", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n, { callerId: "old job" });
    await settle(job, "a", 10n);
    await settle(job, undefined, 10n);
    const running = await open(pool, 5n);
    await db.query(
      `UPDATE farebox.long_holds SET expires_at = expires_at - interval '31 days' WHERE ${OF_POOL} AND state <> 'open'`,
      [pool.accountId, pool.creditType],
    );
    const step = createSteps(db, { deadAfterMs: 60_000 }).find(({ name }) => name === "old long holds");
    const all = [0, 1, 2, 3];
    // Its row, and two of its settlements.
    assert.equal((await step?.run({ all, with: () => all }, true))?.done, 3);
    assert.equal(say(await settle(job, "a", 10n)), "unknown");
    assert.equal((await one.release(pool, job.requestId)).kind, "unknown");
    assert.equal(await one.extend(pool, job.requestId, 60), "unknown");
    assert.equal(await one.find(pool, "old job"), undefined);
    assert.equal(say(await settle(running, undefined, 5n)), "charged 5 of 5");
    assert.deepEqual(await state(pool), [75n, 0n]);
  });

  test("it has 10,000 parts at most, and ends with the last settlement; they are forgotten in bounded pieces", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n);
    await settle(job, "first", 10n);
    const owner = [pool.accountId, pool.creditType];
    const ofJob = `${OF_POOL} AND hold_id = 'long:${job.requestId}'`;
    await db.query(
      `INSERT INTO farebox.hold_parts SELECT account_no, type_no, hold_id, part || n, shard, content, 'free', NULL, 0, 0, balance_after, 0, at
       FROM farebox.hold_parts, generate_series(2, 10000) n WHERE ${ofJob}`,
      owner,
    );
    await db.query(`UPDATE farebox.long_holds SET parts = 10000 WHERE ${ofJob}`, owner);
    assert.equal(say(await settle(job, "another", 1n)), "full");
    assert.equal(say(await settle(job, "first", 10n)), "charged 10 of 10");
    assert.equal(say(await settle(job, undefined, 5n)), "charged 5 of 5");
    assert.deepEqual(await state(pool), [85n, 0n]);
    await db.query(
      `UPDATE farebox.long_holds SET expires_at = expires_at - interval '31 days' WHERE ${ofJob}`,
      owner,
    );
    const { shard } = pool;
    const [piece] = await db.query<{ gone: number }>(
      `SELECT farebox.forget_long_holds(${shard}::smallint, 4000) AS gone`,
    );
    assert.equal(piece?.gone, 4000);
    assert.equal(
      (await one.release(pool, job.requestId)).kind,
      "settled",
      "it is known until its parts are gone",
    );
    const step = createSteps(db, { deadAfterMs: 60_000 }).find(({ name }) => name === "old long holds");
    const all = [0, 1, 2, 3];
    assert.equal((await step?.run({ all, with: () => all }, true))?.done, 6002);
    assert.equal((await one.release(pool, job.requestId)).kind, "unknown");
  });

  test("all parts together take no more than the caller allows", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 10n, { most: 12n });
    const results = await Promise.all(["a", "b", "c"].map((part) => settle(job, part, 5n)));
    assert.deepEqual(results.map(say).toSorted(), ["charged 2 of 5", "charged 5 of 5", "charged 5 of 5"]);
    assert.equal(say(await settle(job, undefined, 3n)), "charged 0 of 3");
    assert.deepEqual(await state(pool), [88n, 0n]);
    assert.equal((await readPool(db, pool)).uncollected, 6n);
  });

  test("a key's cap holds: two jobs do not pass it together, whenever it is set, and what ends is free under it", async () => {
    const pool = await createPool(db, 1_000n);
    const { keyId } = await addKey(db, pool);
    const setCap = (total: bigint | undefined): Promise<void> =>
      db.transaction((tx) =>
        setKeyCaps(
          tx,
          { ...pool, keyId },
          total === undefined ? [] : [{ creditType: "credits", day: null, month: null, total }],
        ),
      );
    const earlier = await open(pool, 50n, { keyId });
    await setCap(100n);
    const results = await Promise.all([1, 2, 3].map(() => one.open(newHold(pool, 40n, { keyId }))));
    assert.deepEqual(results.map(({ kind }) => kind).toSorted(), ["held", "short", "short"]);
    const short = results.find((result) => result.kind === "short");
    assert.deepEqual(short?.kind === "short" && short.shortage.cap?.window, "total");
    assert.equal(say(await settle(earlier, "a", 30n)), "charged 30 of 30");
    // 30 are spent, 20 and 40 held: 10 are left of the cap.
    assert.equal(say(await settle(earlier, "b", 35n)), "charged 30 of 35");
    await setCap(undefined);
    await setCap(100n);
    await one.release(pool, earlier.requestId);
    await pass(pool, HOUR_MS + 1);
    const again = await open(pool, 40n, { keyId });
    assert.equal((await one.open(newHold(pool, 1n, { keyId }))).kind, "short");
    assert.equal(say(await settle(again, undefined, undefined)), "free");
    const last = await open(pool, 40n, { keyId });
    assert.equal((await one.open(newHold(pool, 1n, { keyId }))).kind, "short");
    await one.release(pool, last.requestId);
    assert.equal((await one.open(newHold(pool, 40n, { keyId }))).kind, "held", "a release frees it too");
    await pass(pool, HOUR_MS + 1);
  });

  test("credits that expire while they are held still pay for it, and what is left of them goes with it", async () => {
    const pool = await createPool(db, 0n);
    const expiresAt = new Date(Date.now() + HOUR_MS);
    await grantCredits(db, { pool, amount: 50n, source: "topup", expiresAt });
    const job = await open(pool, 30n, { ttlSeconds: 7_200 });
    await pass(pool, HOUR_MS + 60_000);
    assert.deepEqual(await state(pool), [30n, 30n]);
    assert.equal(say(await settle(job, "a", 10n)), "charged 10 of 10");
    await one.release(pool, job.requestId);
    assert.deepEqual(await state(pool), [0n, 0n]);
  });

  test("tiers are counted and a once window is opened by a hold that is settled whole", async () => {
    const pool = await createPool(db, 100n);
    const once = { value: '"x"', withinSeconds: 3_600 };
    const first = await open(pool, 10n);
    const second = await open(pool, 10n);
    const results = await Promise.all([first, second].map((job) => settle(job, undefined, 10n, { once })));
    assert.deepEqual(results.map(say).toSorted(), ["charged 10 of 10", "repeat"]);
    assert.deepEqual(await state(pool), [90n, 0n]);
    const measured = {
      units: 3_000_000n,
      block: 1_000_000n,
      round: "exact",
      costs: [
        [0n, 5n],
        [2_000_000n, 1n],
      ],
      whole: false,
      counter: { name: "POST /jobs", within: "month" },
      increase: undefined,
      rest: 0n,
      least: undefined,
      most: undefined,
    } as const;
    assert.equal(say(await settle(await open(pool, 20n), undefined, 15n, { measured })), "charged 11 of 11");
    assert.equal(say(await settle(await open(pool, 20n), undefined, 15n, { measured })), "charged 3 of 3");
  });

  test("one that is decided on the answer is charged whole or not at all, and asked again", async () => {
    const pool = await createPool(db, 10n);
    const job = await open(pool, 0n);
    assert.equal((await settle(job, undefined, 12n, { whole: true })).kind, "short");
    await grantCredits(db, { pool, amount: 5n, source: "topup" });
    assert.equal(say(await settle(job, undefined, 12n, { whole: true })), "charged 12 of 12");
    assert.deepEqual(await state(pool), [3n, 0n]);
  });

  test("the price of a whole job is charged where no part was, and refused where one was", async () => {
    const pool = await createPool(db, 100n);
    const whole = await open(pool, 10n);
    assert.equal(say(await settle(whole, undefined, 10n, { isWhole: true })), "charged 10 of 10");
    const parts = await open(pool, 10n);
    await settle(parts, "a", 4n);
    assert.equal((await settle(parts, undefined, 10n, { isWhole: true })).kind, "alone");
    assert.equal(say(await settle(parts, undefined, 6n)), "charged 6 of 6");
  });

  test("other charges of the pool leave what it holds alone", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n);
    const { charged, uncollected } = await ledger.charge(chargeOf(pool, 50n));
    assert.deepEqual([charged, uncollected], [40n, 10n]);
    assert.equal(say(await settle(job, undefined, 60n)), "charged 60 of 60");
  });
});
