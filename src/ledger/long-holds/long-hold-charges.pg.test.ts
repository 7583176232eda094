import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { setKeyCaps } from "../keys/key-caps.ts";
import { grantCredits } from "../pools/grant.ts";
import { addKey, assertSound, createPool, readPool } from "../testing/books.ts";
import { longJobs, newHold, say } from "../testing/long-jobs.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { LongHoldRows } from "./long-hold-rows.ts";

const HOUR_MS = 3_600_000;

eachDatabase("what long holds are charged", (openFresh) => {
  let db: Database;
  let one: LongHoldRows;
  const { open, settle, pass, state } = longJobs(
    () => db,
    () => one,
  );

  before(async () => {
    db = await openFresh();
    one = new LongHoldRows(db);
  });
  afterEach(() => assertSound(db));

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
});
