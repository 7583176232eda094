import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";
import { formatUuidV7, renderChargeId } from "../../domain/ids.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { chargeOf, createPool, LEDGER, rollUsage } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { findCallAnywhere, findCallOfAccount } from "./find-call.ts";

const MINUTE = 60_000;
let made = 0;

function requestId(agoMs = 0): string {
  made += 1;
  return formatUuidV7(Date.now() - agoMs, new Uint8Array(10).fill(made));
}

eachDatabase("a call in all accounts", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  let pools: readonly PoolRef[];
  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    const opened: PoolRef[] = [];
    for (let count = 0; count < 6; count += 1) opened.push(await createPool(db, 1_000_000n));
    pools = opened;
    for (const pool of pools) await charge(pool, requestId());
  });

  const charge = async (of: PoolRef, id: string) => {
    const { seq } = await ledger.charge(chargeOf(of, 1n, { requestId: id }));
    return { accountId: of.accountId, creditType: of.creditType, seq: seq ?? assert.fail() };
  };

  test("is found before its usage is rolled up, and after, however long it took", async () => {
    for (const ago of [0, MINUTE, -MINUTE, 10 * MINUTE]) {
      const id = requestId(ago);
      const expected = await charge(pools[made % pools.length] ?? assert.fail(), id);
      const found = { charges: [expected], isComplete: true };
      assert.deepEqual(await findCallAnywhere(db, id), found, `${ago}`);
      await rollUsage(db);
      assert.deepEqual(await findCallAnywhere(db, id), found, `${ago}, rolled up`);
      assert.deepEqual(await findCallAnywhere(db, renderChargeId(expected)), found);
    }
  });

  test("an id without a time is not looked for in all accounts, and says so", async () => {
    const [pool = assert.fail()] = pools;
    const id = randomUUID();
    const expected = await charge(pool, id);
    assert.deepEqual(await findCallAnywhere(db, id), { charges: [], isComplete: false });
    assert.deepEqual((await findCallOfAccount(db, pool, id)).charges, [expected]);
    assert.deepEqual(await findCallAnywhere(db, "x"), { charges: [], isComplete: true });
  });

  test("a bounded search says that it did not see all", async () => {
    const [pool = assert.fail()] = pools;
    for (let count = 0; count < 5; count += 1) await charge(pool, requestId());
    const found = await findCallOfAccount(db, pool, randomUUID(), 3);
    assert.deepEqual(found, { charges: [], isComplete: false });
  });
});
