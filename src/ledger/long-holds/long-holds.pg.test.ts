import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { refundCharge } from "../refunds/refund.ts";
import { atOnce, fulfilled, refusedCodes } from "../testing/at-once.ts";
import { assertSound, chargeOf, createPool, LEDGER, leaseOf, OF_POOL, readPool } from "../testing/books.ts";
import { longJobs, newHold, say, settlement } from "../testing/long-jobs.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { LongHoldRows } from "./long-hold-rows.ts";

eachDatabase("long holds", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  /** Instances. */
  let one: LongHoldRows;
  let two: LongHoldRows;
  const { open, settle, state } = longJobs(
    () => db,
    () => one,
  );

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    one = new LongHoldRows(db);
    two = new LongHoldRows(db);
  });
  afterEach(() => assertSound(db));

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

  test("other charges of the pool leave what it holds alone", async () => {
    const pool = await createPool(db, 100n);
    const job = await open(pool, 60n);
    const { charged, uncollected } = await ledger.charge(chargeOf(pool, 50n));
    assert.deepEqual([charged, uncollected], [40n, 10n]);
    assert.equal(say(await settle(job, undefined, 60n)), "charged 60 of 60");
  });
});
