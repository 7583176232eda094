import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openDatabase } from "../database/open-database.ts";
import { setKeyCaps } from "../keys/key-caps.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { addKey, assertSound, createPool, LEDGER, leaseOf, readPool } from "../testing/books.ts";
import { claimOf, exportOf, exportVerbs, RECORD_PRICE } from "../testing/new-export.ts";
import { createTestDatabase, eachDatabase } from "../testing/test-databases.ts";
import { cancelExport, chargeExport, createExport } from "./ask-for-export.ts";
import { readExport } from "./read-exports.ts";
import { finishExport } from "./work-on-export.ts";

const PRICE = RECORD_PRICE;
const HASH = "01".repeat(32);

eachDatabase("exports that are asked for", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  const { create, read, makeReady } = exportVerbs(() => db);

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

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
