import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { assertSound, createPool, readPool } from "../testing/books.ts";
import { exportOf, RECORD_PRICE } from "../testing/new-export.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { createExport } from "./ask-for-export.ts";
import type { ExportIdempotency, NewExport } from "./export-job.ts";

const KEY: ExportIdempotency = { key: "k", requestHash: "01".repeat(32), keepSeconds: 60 };
const LIMITED = { maxRecords: 10, idempotency: KEY } satisfies Partial<NewExport>;
const COST = 10n * RECORD_PRICE;

eachDatabase("Idempotency-Keys of exports", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });
  afterEach(() => assertSound(db));

  /** A row of the key, as a request of another kind leaves it. */
  async function useKey(pool: PoolRef, state: "running" | "done", expires: string): Promise<void> {
    const { accountNo, shard } = await poolKeyOf(db, pool);
    await db.query(
      `INSERT INTO farebox.idempotency_keys (account_no, key, shard, request_hash, owner, state, status, headers, created_at, expires_at)
       VALUES ($1, $2, $3, $4, 'instance/run', $5, $6, $7, now() - interval '1 d', now() + $8::interval)`,
      [
        accountNo,
        KEY.key,
        shard,
        KEY.requestHash,
        state,
        state === "done" ? 200 : null,
        state === "done" ? "[]" : null,
        expires,
      ],
    );
  }

  test("under one key there is one export, however often and from wherever it is asked for", async () => {
    const pool = await createPool(db, 1_000n);
    const answers = fulfilled(
      await atOnce(20, () => createExport(db, exportOf(pool, { ...LIMITED, exportId: randomUUID() }))),
    );
    const ids = new Set(answers.map((answer) => ("job" in answer ? answer.job.exportId : answer.kind)));
    assert.equal(ids.size, 1, [...ids].join());
    assert.equal(answers.filter(({ kind }) => kind === "created").length, 1);
    assert.equal(answers.filter(({ kind }) => kind === "repeated").length, 19);
    assert.partialDeepStrictEqual(await readPool(db, pool), { held: COST });
    const other = await createExport(db, exportOf(await createPool(db, 1_000n), LIMITED));
    assert.equal(other.kind, "created", "another account's key is another one");
  });

  test("another request under the key is refused; without a key every request is one of its own", async () => {
    const pool = await createPool(db, 1_000n);
    assert.equal((await createExport(db, exportOf(pool, LIMITED))).kind, "created");
    const other = { ...LIMITED, idempotency: { ...KEY, requestHash: "02".repeat(32) } };
    assert.deepEqual(await createExport(db, exportOf(pool, other)), { kind: "key mismatch" });
    assert.equal((await createExport(db, exportOf(pool, { maxRecords: 10 }))).kind, "created");
    assert.partialDeepStrictEqual(await readPool(db, pool), { held: 2n * COST });
  });

  test("a refusal is not kept: a top-up and a retry under the key work", async () => {
    const pool = await createPool(db, COST - 1n);
    assert.equal((await createExport(db, exportOf(pool, LIMITED))).kind, "short");
    await grantCredits(db, { pool, amount: 1n, source: "topup" });
    assert.equal((await createExport(db, exportOf(pool, LIMITED))).kind, "created");
  });

  test("a key is free again when its time is over", async () => {
    const pool = await createPool(db, 1_000n);
    await useKey(pool, "done", "-1 s");
    const first = await createExport(db, exportOf(pool, LIMITED));
    assert.equal(first.kind, "created");
    await db.query(
      "UPDATE farebox.idempotency_keys SET expires_at = now() - interval '1 s' WHERE owner = 'export'",
    );
    assert.equal((await createExport(db, exportOf(pool, LIMITED))).kind, "created");
  });

  test("what another kind of request does or did under the key is told apart", async () => {
    const running = await createPool(db, 1_000n);
    await useKey(running, "running", "1 h");
    assert.deepEqual(await createExport(db, exportOf(running, LIMITED)), { kind: "key in progress" });
    const done = await createPool(db, 1_000n);
    await useKey(done, "done", "1 h");
    assert.deepEqual(await createExport(db, exportOf(done, LIMITED)), { kind: "key mismatch" });
    assert.partialDeepStrictEqual(await readPool(db, done), { held: 0n });
  });
});
