import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openDatabase } from "../database/open-database.ts";
import { setKeyCaps } from "../keys/key-caps.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import {
  addKey,
  assertSound,
  createPool,
  LEDGER,
  leaseOf,
  letTimePass,
  OF_POOL,
  readPool,
} from "../testing/books.ts";
import { claimOf, exportOf, RECORD_PRICE, recordParts } from "../testing/new-export.ts";
import { createTestDatabase, eachDatabase } from "../testing/test-databases.ts";
import { cancelExport, chargeExport, createExport, retryExport } from "./ask-for-export.ts";
import type { ExportJob, NewExport } from "./export-job.ts";
import { findExport, listAllExports, listExports, listParts, readExport } from "./read-exports.ts";
import { beatExport, failExport, finishExport } from "./work-on-export.ts";

const PRICE = RECORD_PRICE;
const HASH = "01".repeat(32);
const LIMITS = { maxOpen: 100, maxKept: 100 };

eachDatabase("exports", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  async function create(asked: NewExport): Promise<ExportJob> {
    const result = await createExport(db, asked);
    return result.kind === "created" ? result.job : assert.fail(JSON.stringify(result.kind));
  }

  async function read({ exportId, shard }: NewExport | ExportJob): Promise<ExportJob> {
    return (await readExport(db, shard, exportId)) ?? assert.fail("it is there");
  }

  /** An export that is ready, with so many records. */
  async function makeReady(asked: NewExport, sizes: readonly number[]): Promise<ExportJob> {
    const job = await create(asked);
    const claimed = (await claimOf(db, asked)) ?? assert.fail("it can be claimed");
    await recordParts(db, claimed, sizes);
    await finishExport(db, job, claimed.claim, 0);
    return await read(job);
  }

  async function chargesOf(pool: PoolRef): Promise<{ amount: bigint; units: number; request: string }[]> {
    return await db.query(
      `SELECT amount, units, request::text AS request FROM farebox.entries WHERE ${OF_POOL} AND kind = 'c' ORDER BY seq`,
      [pool.accountId, pool.creditType],
    );
  }

  test("what is charged at completion is set aside at creation; nothing is set aside twice for the same id", async () => {
    const pool = await createPool(db, 1_000n);
    const asked = exportOf(pool, { maxRecords: 100 });
    const results = fulfilled(await atOnce(10, () => createExport(db, asked)));
    assert.deepEqual(new Set(results.map(({ kind }) => kind)), new Set(["created"]));
    const job = await read(asked);
    assert.partialDeepStrictEqual(job, {
      state: "queued",
      held: 100n * PRICE,
      records: 0,
      keyId: "key_1",
      endpoint: "POST /exports/people",
      request: asked.request,
      expiresAt: null,
      charge: null,
    });
    assert.partialDeepStrictEqual(await readPool(db, pool), { balance: 1_000n, held: 100n * PRICE });
  });

  test("a pool that does not cover the most that it may cost: nothing is created, and what is missing is said", async () => {
    const pool = await createPool(db, 150n);
    const asked = exportOf(pool);
    assert.deepEqual(await createExport(db, asked), {
      kind: "short",
      needed: 200n,
      available: 150n,
      recalled: false,
    });
    assert.equal(await readExport(db, asked.shard, asked.exportId), undefined);
    await grantCredits(db, { pool, amount: 50n, source: "topup" });
    assert.equal((await create(asked)).held, 200n);
  });

  test("credits that an instance leases are asked back and waited for", async () => {
    const pool = await createPool(db, 200n);
    const { granted } = await ledger.lease(leaseOf(pool, 80n, { want: 80n }));
    assert.equal(granted, 80n);
    const creating = createExport(db, exportOf(pool));
    // As the meter does with what its heartbeat tells.
    for (let recalls = 0; recalls === 0; )
      ({
        recalls: { length: recalls },
      } = await ledger.heartbeat());
    await ledger.release({ pool, hold: "lease", amount: 80n });
    assert.equal((await creating).kind, "created");
  });

  test("policy `covered`: as many records as the pool covers, which the job says; none is short", async () => {
    const pool = await createPool(db, 31n);
    const job = await create(exportOf(pool, { policy: "covered" }, { charge: "listing" }));
    assert.partialDeepStrictEqual(job, {
      maxRecords: 15,
      whenMore: "stop",
      held: 30n,
      chargeAt: "completion",
    });
    assert.partialDeepStrictEqual(await createExport(db, exportOf(pool, { policy: "covered" })), {
      kind: "short",
      available: 1n,
    });
  });

  test("a cap of the key counts as the pool does, at creation and when it is charged", async () => {
    const pool = await createPool(db, 1_000n);
    const { keyId } = await addKey(db, pool);
    const cap = { creditType: "credits", day: null, month: null, total: 100n };
    await db.transaction((tx) => setKeyCaps(tx, { ...pool, keyId }, [cap]));
    assert.partialDeepStrictEqual(await createExport(db, exportOf(pool, { keyId })), {
      kind: "short",
      available: 100n,
    });
    const first = await makeReady(exportOf(pool, { keyId, maxRecords: 40 }), [10, 10]);
    assert.partialDeepStrictEqual(first, { state: "charged", charge: { charged: 40n } });
    const listing = { charge: "listing" } as const;
    const over = await makeReady(exportOf(pool, { keyId }, listing), [10, 10, 10, 1]);
    assert.partialDeepStrictEqual(await chargeExport(db, over), {
      kind: "short",
      available: 60n,
      needed: 62n,
    });
    const within = await makeReady(exportOf(pool, { keyId }, listing), [10, 10, 10]);
    assert.partialDeepStrictEqual(await chargeExport(db, within), { kind: "charged", charged: 60n });
  });

  test("an identical request is refused while one is open, of the same account only, and allowed afterwards", async () => {
    const pool = await createPool(db, 1_000n);
    const other = await createPool(db, 1_000n);
    const asked = exportOf(pool, { requestHash: HASH, maxRecords: 10 });
    const job = await create(asked);
    const again = { requestHash: HASH, maxRecords: 10 };
    const duplicate = { kind: "duplicate", exportId: job.exportId };
    assert.deepEqual(await createExport(db, exportOf(pool, again)), duplicate);
    await claimOf(db, asked);
    assert.deepEqual(await createExport(db, exportOf(pool, again)), duplicate);
    await create(exportOf(other, again));
    await create(exportOf(pool, { ...again, requestHash: undefined }));
    await cancelExport(db, job);
    await create(exportOf(pool, again));
  });

  test("an account has so many open ones, and so many with files", async () => {
    const pool = await createPool(db, 1_000n);
    const kind = { maxOpen: 2, maxKept: 3, price: 0n };
    const results = fulfilled(await atOnce(6, () => createExport(db, exportOf(pool, {}, kind))));
    const made = results.flatMap((result) => (result.kind === "created" ? [result.job] : []));
    assert.equal(made.length, 2);
    const refused = { kind: "too many", which: "open", limit: 2 };
    assert.deepEqual(
      results.filter(({ kind: is }) => is !== "created"),
      [refused, refused, refused, refused],
    );
    for (const job of made) {
      const claimed = (await claimOf(db, job)) ?? assert.fail("it can be claimed");
      await finishExport(db, job, claimed.claim, 0);
    }
    await create(exportOf(pool, {}, kind));
    assert.deepEqual(await createExport(db, exportOf(pool, {}, kind)), {
      kind: "too many",
      which: "kept",
      limit: 3,
    });
  });

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

  test("lists are newest first, page by page, of one account or of all", async () => {
    const pool = await createPool(db, 1_000n);
    const made: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      made.unshift((await create(exportOf(pool, { maxRecords: 1 }))).exportId);
    }
    const seen: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await listExports(db, pool, { limit: 2, cursor });
      seen.push(...page.items.map(({ exportId }) => exportId));
      if (page.next === null) break;
      cursor = page.next;
    }
    assert.deepEqual(seen, made);
    assert.deepEqual((await listExports(db, pool, { limit: 10, states: ["charged"] })).items, []);
    const shards = [0, 1, 2, 3];
    const all: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await listAllExports(db, shards, { limit: 7, cursor });
      all.push(...page.items.map(({ exportId }) => exportId));
      if (page.next === null) break;
      cursor = page.next;
    }
    assert.deepEqual(all.slice(0, 5), made);
    assert.equal(new Set(all).size, all.length);
    const [row] = await db.query<{ count: bigint }>("SELECT count(*) AS count FROM farebox.exports");
    assert.equal(BigInt(all.length), row?.count);
    assert.equal((await findExport(db, shards, made[0] ?? ""))?.accountId, pool.accountId);
    assert.equal(await findExport(db, shards, "'; --"), undefined);
  });
});

test("50 simultaneous identical requests on three instances: exactly one is created", async (context) => {
  const made = await createTestDatabase("postgres");
  const instances: Database[] = await Promise.all(
    [1, 2, 3].map(() => openDatabase(made.target, { maxConnections: 6 })),
  );
  context.after(async () => {
    await Promise.all(instances.map((instance) => instance.close()));
    await made.drop();
  });
  const [first = assert.fail("three")] = instances;
  const pool = await createPool(first, 10_000n);
  const kinds = [{ charge: "listing" }, { charge: "completion" }] as const;
  for (const [round, kind] of kinds.entries()) {
    const requestHash = `0${round}`.repeat(32);
    const results = await atOnce(50, (index) =>
      createExport(instances[index % 3] ?? first, exportOf(pool, { requestHash }, kind)),
    );
    const answers = fulfilled(results);
    assert.equal(answers.length, 50);
    const created = answers.flatMap((answer) => (answer.kind === "created" ? [answer.job.exportId] : []));
    assert.equal(created.length, 1);
    const [exportId] = created;
    assert.deepEqual(
      answers.filter(({ kind: is }) => is !== "created"),
      Array.from({ length: 49 }, () => ({ kind: "duplicate", exportId })),
    );
  }
  assert.equal((await readPool(first, pool)).held, 200n);
  await assertSound(first);
});
