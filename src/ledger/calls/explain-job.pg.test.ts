import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { formatUuidV7 } from "../../domain/ids.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { LongHoldRows } from "../long-holds/long-hold-rows.ts";
import { publishPriceList } from "../price-lists/price-lists.ts";
import { refundCharge } from "../refunds/refund.ts";
import { addKey, assertSound, createPool } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import type { ExplainedCall } from "./explain-call.ts";
import { explainFound } from "./explain-job.ts";
import { findCallAnywhere, findCallOfAccount } from "./find-call.ts";

const CONTENT = "0".repeat(64);

eachDatabase("a job that was charged in parts", (openFresh) => {
  let db: Database;
  let rows: LongHoldRows;
  let pool: PoolRef;
  let keyId: string;
  let version: number;
  before(async () => {
    db = await openFresh();
    rows = new LongHoldRows(db);
    const body = '{"prices":[],"unpriced":"free"}';
    const list = { body, hash: hash("sha256", body), effectiveAt: null };
    ({ version } = await db.transaction((tx) => publishPriceList(tx, list)));
    pool = await createPool(db, 1_000n);
    ({ keyId } = await addKey(db, pool));
  });

  async function open(): Promise<string> {
    const requestId = formatUuidV7(Date.now(), randomBytes(10));
    const job = { pool, keyId, endpoint: "POST /jobs", requestId, callerId: requestId, content: CONTENT };
    const terms = { token: "text", amount: 200n, units: 200, most: undefined, ttlSeconds: 3_600 };
    assert.equal((await rows.open({ ...job, ...terms })).kind, "held");
    return requestId;
  }

  async function settle(requestId: string, part: string | undefined, amount: bigint): Promise<number> {
    const charge = {
      keyId,
      endpoint: "POST /jobs",
      amount,
      units: Number(amount),
      status: 200,
      priceList: version,
    };
    const settled = await rows.settle({ pool, requestId, part, content: CONTENT, isWhole: false, charge });
    return settled.kind === "told" ? (settled.settled.seq ?? 0) : assert.fail(settled.kind);
  }

  const explain = async (requestId: string): Promise<ExplainedCall | undefined> =>
    await explainFound(db, await findCallAnywhere(db, requestId), ({ charges: [charge] }) => charge);

  test("is one call with the sums of all of them, of which the first hundred are told", async () => {
    const requestId = await open();
    const seqs: number[] = [];
    for (let part = 0; part < 101; part += 1) seqs.push(await settle(requestId, `part ${part}`, 1n));
    // Costs nothing, so it is no charge.
    await settle(requestId, "nothing", 0n);
    seqs.push(await settle(requestId, undefined, 9n));
    for (const [index, amount] of [
      [100, "all"],
      [101, 4n],
    ] as const) {
      const refund = { pool, seq: seqs[index] ?? 0, amount, reason: `refund ${index}`, reference: "r" };
      await db.transaction((tx) => refundCharge(tx, refund));
    }
    const call = (await explain(requestId)) ?? assert.fail();
    assert.deepEqual(
      [-call.entry.amount, call.entry.units, call.entry.uncollected, call.list, call.refunded, call.held],
      [110n, 110, 0n, 110n, 5n, 200n],
    );
    assert.equal(call.entry.balance, 890n);
    assert.deepEqual(
      call.refunds.map(({ amount, reason }) => [amount, reason]),
      [
        [1n, "refund 100"],
        [4n, "refund 101"],
      ],
    );
    assert.deepEqual([call.parts?.total, call.parts?.first.length], [102, 100]);
    assert.deepEqual(
      call.parts?.first.map(({ charge }) => charge.seq),
      seqs.slice(0, 100),
    );
    const told = call.parts?.first[7];
    assert.deepEqual([told?.part, told?.charged, told?.list, told?.units], ["part 7", 1n, 1n, 1]);
    await assertSound(db);
  });

  test("tells what parts lacked and what came back of each; with one charge it is a call like any other", async () => {
    const requestId = await open();
    const seq = await settle(requestId, "a", 3n);
    const alone = (await explain(requestId)) ?? assert.fail();
    assert.deepEqual([alone.parts, alone.charge.seq, alone.entry.amount], [undefined, seq, -3n]);
    await settle(requestId, undefined, 2_000n);
    const call = (await explain(requestId)) ?? assert.fail();
    assert.deepEqual(
      call.parts?.first.map(({ part, charged, list, refunded }) => [part, charged, list, refunded]),
      [
        ["a", 3n, 3n, 0n],
        [undefined, 892n, 2_000n, 0n],
      ],
    );
    assert.deepEqual([call.list, call.entry.uncollected, call.entry.balance], [2_003n, 1_108n, 0n]);
  });

  test("is nobody else's", async () => {
    const owner = pool;
    pool = await createPool(db, 1_000n);
    ({ keyId } = await addKey(db, pool));
    const requestId = await open();
    await settle(requestId, "a", 1n);
    await settle(requestId, "b", 1n);
    assert.equal((await findCallOfAccount(db, pool, requestId)).job?.total, 2);
    assert.deepEqual(await findCallOfAccount(db, owner, requestId), { charges: [], isComplete: true });
  });
});
