import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";
import { formatUuidV7 } from "../../domain/ids.ts";
import type { Database, Parameter, Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { changeEntries, chargeOf, createPool, LEDGER, OF_POOL } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { findChargesOfRequest } from "./find-charges.ts";
import { refundCharge } from "./refund.ts";

const HOUR = 3_600_000;
let made = 0;

/** A request's id as the gateway makes it, so long ago. */
function requestId(agoMs = 0): string {
  made += 1;
  return formatUuidV7(Date.now() - agoMs, new Uint8Array(10).fill(made));
}

eachDatabase("charges of a request", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  let pool: PoolRef;
  let search: PoolRef;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    pool = await createPool(db, 1_000_000n);
    search = { ...pool, creditType: "search" };
    await grantCredits(db, { pool: search, amount: 1000n, source: "topup" });
    for (let count = 0; count < 20; count += 1) await charge(pool, requestId());
  });

  const charge = async (of: PoolRef, id: string) => {
    const { seq } = await ledger.charge(chargeOf(of, 1n, { requestId: id }));
    return { accountId: of.accountId, creditType: of.creditType, seq: seq ?? assert.fail() };
  };

  // Just now; clocks apart; a request that took hours; an id from before the last window, and one from the future.
  for (const ago of [0, 50_000, -20_000, 3 * HOUR, -3 * HOUR, 24.5 * HOUR, 1000 * HOUR, -1000 * HOUR]) {
    test(`is found when its id was made ${ago / 1000} s before the charge`, async () => {
      const id = requestId(ago);
      const expected = await charge(pool, id);
      await charge(pool, requestId());
      const found = await findChargesOfRequest(db, pool, id);
      assert.deepEqual(found, { charges: [expected], isComplete: true });
      assert.deepEqual((await findChargesOfRequest(db, pool, id.toUpperCase())).charges, [expected]);
    });
  }

  test("is found in every pool of the account, under any UUID, and not among refunds and other accounts", async () => {
    const id = randomUUID();
    const first = await charge(pool, id);
    await refundCharge(db, { pool, seq: first.seq, amount: "all", reason: "broken", reference: "r" });
    assert.deepEqual((await findChargesOfRequest(db, pool, id)).charges, [first]);
    const second = await charge(search, id);
    assert.deepEqual((await findChargesOfRequest(db, pool, id)).charges, [first, second]);
    const other = await createPool(db, 10n);
    const none = { charges: [], isComplete: true };
    assert.deepEqual(await findChargesOfRequest(db, other, id), none);
    assert.deepEqual(await findChargesOfRequest(db, pool, requestId()), none);
    for (const text of ["my-own-id", "", id.slice(1), `${id}0`, "'"]) {
      assert.deepEqual(await findChargesOfRequest(db, pool, text), none, text);
    }
  });

  test("a request of now is found without looking through the pool", async () => {
    const old = await createPool(db, 1_000_000n);
    await Promise.all(Array.from({ length: 500 }, () => charge(old, requestId())));
    await changeEntries(db, (tx) =>
      tx.query(`UPDATE farebox.entries SET at = at - interval '1 day' WHERE ${OF_POOL}`, [
        old.accountId,
        old.creditType,
      ]),
    );
    const id = requestId();
    const expected = await charge(old, id);
    const read: (readonly Parameter[])[] = [];
    const watched: Queryable = {
      query: (statement, parameters = []) => {
        if (typeof statement === "string" && statement.includes("request =")) {
          read.push(parameters.slice(3, 5));
        }
        return db.query(statement, parameters);
      },
      exec: (sql) => db.exec(sql),
    };
    const { charges } = await findChargesOfRequest(watched, old, id);
    assert.deepEqual([charges, read], [[expected], [[expected.seq, expected.seq + 1]]]);
  });
});
