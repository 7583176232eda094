import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { grantCredits } from "../pools/grant.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { assertSound, createPool, letTimePass, readPool } from "../testing/books.ts";
import { claimOf, exportOf, exportVerbs, recordParts } from "../testing/new-export.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { cancelExport, chargeExport, retryExport } from "./ask-for-export.ts";
import { listParts } from "./read-exports.ts";
import { beatExport, failExport, finishExport } from "./work-on-export.ts";

const HASH = "01".repeat(32);
const LIMITS = { maxOpen: 100, maxKept: 100 };

eachDatabase("exports that are charged, or end without", (openFresh) => {
  let db: Database;
  const { create, read, makeReady, chargesOf } = exportVerbs(() => db);

  before(async () => {
    db = await openFresh();
  });
  afterEach(() => assertSound(db));

  test("charged at completion for what was found; the rest of what was set aside is free", async () => {
    const pool = await createPool(db, 1_000n);
    const job = await makeReady(exportOf(pool), [10, 10, 3]);
    assert.partialDeepStrictEqual(job, {
      state: "charged",
      records: 23,
      parts: 3,
      bytes: 2_300,
      held: 0n,
      charge: { charged: 46n, balance: 954n },
    });
    assert.deepEqual(await chargesOf(pool), [{ amount: -46n, units: 23, request: job.exportId }]);
    assert.partialDeepStrictEqual(await readPool(db, pool), { balance: 954n, held: 0n });
    assert.deepEqual(
      (await listParts(db, job)).map(({ part, records }) => [part, records]),
      [
        [1, 10],
        [2, 10],
        [3, 3],
      ],
    );
  });

  test("charged at the first listing, once however many ask at once; short before, and nothing of it is lost", async () => {
    const pool = await createPool(db, 39n);
    const job = await makeReady(exportOf(pool, {}, { charge: "listing" }), [10, 10]);
    assert.equal(job.state, "ready");
    const short = { kind: "short", needed: 40n, available: 39n, recalled: false };
    assert.deepEqual(await chargeExport(db, job), short);
    assert.equal((await read(job)).state, "ready");
    await grantCredits(db, { pool, amount: 10n, source: "topup" });
    const results = fulfilled(await atOnce(20, () => chargeExport(db, job)));
    assert.equal(results.length, 20);
    for (const result of results) {
      assert.partialDeepStrictEqual(result, { kind: "charged", charged: 40n, balance: 9n });
    }
    assert.equal((await chargesOf(pool)).length, 1);
  });

  test("two jobs that together cost more than there is: one is charged, the other stays", async () => {
    const pool = await createPool(db, 30n);
    const listing = { charge: "listing" } as const;
    const jobs = [
      await makeReady(exportOf(pool, {}, listing), [10]),
      await makeReady(exportOf(pool, {}, listing), [10]),
    ];
    const results = fulfilled(
      await atOnce(2, (index) => chargeExport(db, jobs[index] ?? assert.fail("two"))),
    );
    assert.deepEqual(results.map(({ kind }) => kind).toSorted(), ["charged", "short"]);
    assert.partialDeepStrictEqual(await readPool(db, pool), { balance: 10n });
  });

  test("records that cost nothing: charged without an entry", async () => {
    const pool = await createPool(db, 5n);
    const free = await makeReady(exportOf(pool, {}, { price: 0n }), [10]);
    assert.partialDeepStrictEqual(free, {
      state: "charged",
      charge: { seq: null, charged: 0n, balance: 5n },
    });
    const none = await makeReady(exportOf(pool, { maxRecords: 2 }), []);
    assert.partialDeepStrictEqual(none, { state: "charged", records: 0, charge: { seq: null, charged: 0n } });
    assert.deepEqual(await chargesOf(pool), []);
  });

  test("a hold that is over is gone: the exact charge is tried without it, and the job waits when it is not covered", async () => {
    const pool = await createPool(db, 200n);
    const asked = exportOf(pool);
    await create(asked);
    await letTimePass(db, pool, 25 * 3_600_000);
    const claimed = (await claimOf(db, asked)) ?? assert.fail("it can be claimed");
    assert.equal((await read(asked)).held, 0n);
    await recordParts(db, claimed, [10]);
    assert.equal(await finishExport(db, claimed.job, claimed.claim, 0), "charged");
    const second = exportOf(pool, { maxRecords: 90 });
    await create(second);
    await letTimePass(db, pool, 25 * 3_600_000);
    const spent = await makeReady(exportOf(pool, { maxRecords: 90 }), [10, 10, 10, 10, 10, 10]);
    assert.equal(spent.state, "charged");
    const late = (await claimOf(db, second)) ?? assert.fail("it can be claimed");
    await recordParts(db, late, [10, 10, 10, 10]);
    assert.equal(await finishExport(db, late.job, late.claim, 0), "ready");
    assert.partialDeepStrictEqual(await chargeExport(db, await read(second)), { kind: "short", needed: 80n });
    await grantCredits(db, { pool, amount: 100n, source: "topup" });
    assert.partialDeepStrictEqual(await chargeExport(db, await read(second)), { kind: "charged" });
  });

  test("a worker's beat keeps what is set aside", async () => {
    const pool = await createPool(db, 200n);
    const asked = exportOf(pool);
    await create(asked);
    const { claim } = (await claimOf(db, asked)) ?? assert.fail("it can be claimed");
    for (let halves = 0; halves < 4; halves += 1) {
      await letTimePass(db, pool, 15 * 3_600_000);
      assert.equal(await beatExport(db, claim, 60), true);
    }
    assert.equal((await read(asked)).held, 200n);
    await cancelExport(db, await read(asked));
  });

  test("cancelled: free, also twice at once; what is charged cannot be cancelled", async () => {
    const pool = await createPool(db, 1_000n);
    const asked = exportOf(pool);
    const job = await create(asked);
    const { claim } = (await claimOf(db, asked)) ?? assert.fail("it can be claimed");
    const results = fulfilled(await atOnce(5, () => cancelExport(db, job)));
    assert.deepEqual(new Set(results.map(({ kind }) => kind)), new Set(["cancelled"]));
    assert.partialDeepStrictEqual(await readPool(db, pool), { balance: 1_000n, held: 0n });
    assert.equal(await beatExport(db, claim, 60), false);
    assert.equal(await finishExport(db, job, claim, 0), "lost");
    assert.deepEqual(await chargeExport(db, job), { kind: "not ready", state: "cancelled" });
    const done = await makeReady(exportOf(pool), [1]);
    assert.deepEqual(await cancelExport(db, done), { kind: "finished", state: "charged" });
  });

  test("cancel and charge at once: it is one or the other, and the books say which", async () => {
    for (let round = 0; round < 5; round += 1) {
      const pool = await createPool(db, 100n);
      const job = await makeReady(exportOf(pool, {}, { charge: "listing" }), [10]);
      const [charged, cancelled] = await Promise.all([chargeExport(db, job), cancelExport(db, job)]);
      const isCharged = charged.kind === "charged";
      assert.equal(cancelled.kind, isCharged ? "finished" : "cancelled");
      assert.equal((await chargesOf(pool)).length, isCharged ? 1 : 0);
    }
  });

  test("failed: free, and begun again from its start with credits set aside anew", async () => {
    const pool = await createPool(db, 200n);
    const asked = exportOf(pool, { requestHash: HASH });
    const job = await create(asked);
    const claimed = (await claimOf(db, asked)) ?? assert.fail("it can be claimed");
    await recordParts(db, claimed, [10]);
    const failure = { code: "export_storage_full", message: "full\0", retryInMs: undefined, counts: true };
    assert.equal(await failExport(db, job, claimed.claim, failure), "failed");
    assert.equal(await failExport(db, job, claimed.claim, failure), "lost");
    assert.partialDeepStrictEqual(await read(job), {
      state: "failed",
      held: 0n,
      records: 10,
      failure: { code: "export_storage_full", message: "full" },
    });
    const beside = await create(exportOf(pool, { requestHash: HASH }));
    assert.deepEqual(await retryExport(db, job, LIMITS), { kind: "duplicate", exportId: beside.exportId });
    await cancelExport(db, beside);
    const results = fulfilled(await atOnce(5, () => retryExport(db, job, LIMITS)));
    assert.deepEqual(results.map(({ kind }) => kind).toSorted(), [
      "not failed",
      "not failed",
      "not failed",
      "not failed",
      "queued",
    ]);
    assert.partialDeepStrictEqual(await read(job), {
      state: "queued",
      held: 200n,
      records: 0,
      parts: 0,
      failure: null,
    });
    assert.deepEqual(await listParts(db, job), []);
    const again = (await claimOf(db, asked)) ?? assert.fail("it can be claimed");
    assert.ok(again.claim.claim > claimed.claim.claim);
    await recordParts(db, again, [10, 5]);
    assert.equal(await finishExport(db, job, again.claim, 0), "charged");
    assert.deepEqual(await retryExport(db, job, LIMITS), { kind: "not failed", state: "charged" });
  });

  test("files are over at the database's time: not listed, not charged, and the row stays", async () => {
    const pool = await createPool(db, 1_000n);
    const charged = await makeReady(exportOf(pool, {}, { keepSeconds: 1 }), [10]);
    const ready = await makeReady(exportOf(pool, {}, { keepSeconds: 1, charge: "listing" }), [10]);
    await db.query(
      "UPDATE farebox.exports SET expires_at = expires_at - interval '2 s', clean_at = clean_at - interval '2 s' WHERE export_id = ANY ($1)",
      [[charged.exportId, ready.exportId]],
    );
    assert.equal((await read(charged)).state, "expired");
    assert.deepEqual(await chargeExport(db, ready), { kind: "not ready", state: "expired" });
    assert.equal((await chargesOf(pool)).length, 1);
  });
});
