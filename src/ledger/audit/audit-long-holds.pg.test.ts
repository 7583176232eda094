import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { formatUuidV7 } from "../../domain/ids.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { LongHoldRows } from "../long-holds/long-hold-rows.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { addKey, changeEntries, chargeOf, createPool, LEDGER, OF_POOL } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { auditLedger } from "./audit.ts";

const CONTENT = "0".repeat(64);

/** So few that the jobs lie in the last of many pieces, and their charges in two. */
const IN_PIECES = { chunkEntries: 10 };

eachDatabase("the audit of long holds", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  let pool: PoolRef;
  let jobs: readonly string[];
  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    pool = await createPool(db, 1_000n);
    const { keyId } = await addKey(db, pool);
    const rows = new LongHoldRows(db);
    const opened: string[] = [];
    for (let job = 0; job < 4; job += 1) {
      const requestId = formatUuidV7(Date.now() + job, randomBytes(10));
      const charge = { keyId, endpoint: "POST /jobs", amount: 2n, units: 2, status: 200, priceList: 1 };
      await rows.open({
        pool,
        keyId,
        endpoint: charge.endpoint,
        requestId,
        callerId: requestId,
        content: CONTENT,
        token: "text",
        amount: 10n,
        units: 10,
        most: undefined,
        ttlSeconds: 3_600,
      });
      for (const part of ["a", "b", "c"]) {
        await rows.settle({ pool, requestId, part, content: CONTENT, isWhole: false, charge });
      }
      opened.push(requestId);
    }
    jobs = opened.toSorted();
    // More than are listed at once: they come before the last ones, by their names.
    await db.query(
      `INSERT INTO farebox.long_holds SELECT account_no, type_no, 'long:0000' || n, shard, gen_random_uuid(), 'copy ' || n, content, token, key_no,
         endpoint_no, 0, 0, NULL, 'released', 0, 0, created_at, expires_at
       FROM farebox.long_holds, generate_series(1, 210) n WHERE ${OF_POOL} AND request = $3::uuid`,
      [...owner(), jobs[0] ?? ""],
    );
  });

  const owner = (): readonly [string, string] => [pool.accountId, pool.creditType];

  /** What is found, by the job's place. */
  async function find(): Promise<readonly (readonly [string, number | undefined])[]> {
    const { findings } = await auditLedger(db, IN_PIECES);
    return findings.map(({ check, detail }) => {
      const job = detail["longHold"];
      return [check, typeof job === "string" ? jobs.indexOf(job) : undefined];
    });
  }

  test("sound ones are found sound, in pieces and at once", async () => {
    assert.deepEqual(await find(), []);
    assert.deepEqual((await auditLedger(db)).findings, []);
  });

  for (const [what, change, undo, check] of [
    [
      "a part too few",
      "UPDATE farebox.long_holds SET parts = parts + 1",
      "UPDATE farebox.long_holds SET parts = parts - 1",
      "a long hold has the parts that it says",
    ],
    [
      "a wrong sum",
      "UPDATE farebox.long_holds SET charged = charged + 1",
      "UPDATE farebox.long_holds SET charged = charged - 1",
      "a long hold was charged what its parts were",
    ],
    [
      "parts that share an entry",
      "UPDATE farebox.hold_parts SET seq = seq + CASE part WHEN 'a' THEN 1 ELSE 0 END, balance_after = balance_after - CASE part WHEN 'a' THEN 2 ELSE 0 END",
      "UPDATE farebox.hold_parts SET seq = seq - CASE part WHEN 'a' THEN 1 ELSE 0 END, balance_after = balance_after + CASE part WHEN 'a' THEN 2 ELSE 0 END",
      "each part of a long hold has its own entry",
    ],
    [
      "more held than was asked",
      "UPDATE farebox.long_holds SET asked = asked - 1",
      "UPDATE farebox.long_holds SET asked = asked + 1",
      "a long hold holds what was asked less its charges, or nothing",
    ],
  ] as const) {
    test(`${what} is found behind the first pieces`, async () => {
      for (const job of [0, 3]) {
        const ofJob = `WHERE ${OF_POOL} AND hold_id = $3`;
        const params = [...owner(), `long:${jobs[job]}`];
        await db.query(`${change} ${ofJob}`, params);
        const found = await find();
        await db.query(`${undo} ${ofJob}`, params);
        assert.deepEqual(found, [[check, job]]);
      }
      assert.deepEqual(await find(), []);
    });
  }

  test("a charge that is of no part is found, behind the first pieces", async () => {
    const { seq } = await ledger.charge(chargeOf(pool, 1n, { requestId: jobs[3] ?? "" }));
    assert.deepEqual(await find(), [["a long hold has the charges of its parts and no other", 3]]);
    await changeEntries(db, (tx) =>
      tx.query(`UPDATE farebox.entries SET request = gen_random_uuid() WHERE ${OF_POOL} AND seq = $3`, [
        ...owner(),
        seq,
      ]),
    );
    assert.deepEqual(await find(), []);
  });

  test("one that is being forgotten, its parts before it, is none", async () => {
    const params = [...owner(), `long:${jobs[2]}`];
    await db.query(
      `UPDATE farebox.long_holds SET state = 'settled', expires_at = expires_at - interval '31 days' WHERE ${OF_POOL} AND hold_id = $3`,
      params,
    );
    await db.query(`DELETE FROM farebox.hold_parts WHERE ${OF_POOL} AND hold_id = $3 AND part = 'a'`, params);
    assert.deepEqual(await find(), []);
  });
});
