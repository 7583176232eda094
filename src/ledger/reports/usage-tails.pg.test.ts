import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openLedger } from "../open-ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { refundCharge } from "../refunds/refund.ts";
import { addCharges } from "../testing/add-charges.ts";
import { assertSound, chargeOf, createPool, LEDGER, placeEntries, rollUsage } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { rollPoolUsage } from "./roll-usage.ts";
import { ALL_TAILS, readUsageReport } from "./usage-report.ts";

eachDatabase("what a usage report adds to its roll-ups", (openFresh) => {
  let db: Database;
  before(async () => {
    db = await openFresh();
  });

  test("however much is behind the roll-ups, it is read in pieces that sum to the same, refunds and all", async () => {
    const one = await createPool(db, 1_000_000n);
    const ledger = await openLedger(db, LEDGER);
    for (let charge = 0; charge < 40; charge += 1) {
      await ledger.charge(chargeOf(one, BigInt(3 + charge), { endpoint: `GET /${charge % 3}` }));
    }
    // Of a charge that is rolled up, and of one that is not, in another piece than its charge.
    for (const seq of [5, 25])
      await refundCharge(db, { pool: one, seq, amount: 2n, reason: "r", reference: "r" });
    await ledger.close();
    await rollPoolUsage(db, await poolKeyOf(db, one), 10);
    for (const query of [
      { groupBy: ["endpoint"] },
      { groupBy: [], resolution: "hour", endpoint: "GET /1" },
      { groupBy: ["key"], resolution: "day", creditType: "credits" },
    ] as const) {
      const asked = { account: one, timeZone: "Asia/Kolkata", ...query };
      const { rows, totals } = await readUsageReport(db, asked, ["credits"], { mostInTails: 1_000 });
      assert.ok(totals[0]?.refunded === 4n || "endpoint" in query);
      for (const pieceSize of [1, 7, 100]) {
        const found = await readUsageReport(db, asked, ["credits"], { mostInTails: ALL_TAILS, pieceSize });
        assert.deepEqual([found.rows, found.totals, found.completeUntil], [rows, totals, undefined]);
      }
    }
  });

  test("pieces are of one snapshot: what is charged and rolled up meanwhile is counted wholly or not at all", async () => {
    const one = await createPool(db, 1_000_000n);
    const ledger = await openLedger(db, LEDGER);
    const key = await poolKeyOf(db, one);
    const stop = new AbortController();
    let charged = 0;
    const busy = (async () => {
      while (!stop.signal.aborted) {
        await ledger.charge(chargeOf(one, 3n));
        charged += 1;
        if (charged % 5 === 0) await rollPoolUsage(db, key, 4);
      }
    })();
    try {
      const counts = new Set<number>();
      while (counts.size < 40) {
        const [least, asked] = [charged, { account: one, timeZone: "UTC", groupBy: [] }];
        const { totals } = await readUsageReport(db, asked, ["credits"], {
          mostInTails: ALL_TAILS,
          pieceSize: 1,
        });
        const requests = totals[0]?.requests ?? 0;
        // One charge may have been committed and not been told.
        assert.ok(requests >= least && requests <= charged + 1, `${least}, ${requests}, ${charged}`);
        counts.add(requests);
      }
    } finally {
      stop.abort();
      await busy;
      await ledger.close();
    }
  });

  test("over all accounts, shards are read at one moment", async () => {
    const made = [await createPool(db, 1_000_000n)];
    while (made.every(({ shard }) => shard === made[0]?.shard)) made.push(await createPool(db, 1_000_000n));
    const [first, last] = [made[0], made.at(-1)]
      .filter((one) => one !== undefined)
      .toSorted((a, b) => a.shard - b.shard);
    assert.ok(first && last);
    const ledger = await openLedger(db, LEDGER);
    const stop = new AbortController();
    const charging = (async () => {
      // What is read first is charged first: read later, the other one would seem to be ahead.
      while (!stop.signal.aborted) for (const one of [first, last]) await ledger.charge(chargeOf(one, 1n));
    })();
    const counts = new Set<number>();
    try {
      for (let round = 0; round < 30; round += 1) {
        const query = { account: undefined, timeZone: "UTC", groupBy: ["account" as const] };
        const { rows } = await readUsageReport(db, query, ["credits"]);
        const [ofFirst, ofLast] = [first, last].map(
          ({ accountId }) => rows.find((row) => row.accountId === accountId)?.requests ?? 0,
        );
        assert.ok(ofFirst !== undefined && ofLast !== undefined);
        assert.ok(ofFirst === ofLast || ofFirst === ofLast + 1, `${ofFirst} and ${ofLast}`);
        counts.add(ofLast);
      }
    } finally {
      stop.abort();
      await charging;
      await ledger.close();
    }
    assert.ok(counts.size > 10, "it was charged meanwhile");
  });

  test("over all accounts, with too many entries behind, the report says until when it is complete", async () => {
    await rollUsage(db);
    const [one, other] = [await createPool(db, 1_000_000n), await createPool(db, 1_000_000n)];
    const [start, middle, end] = ["00", "06", "12"].map((hour) => new Date(`2026-06-01T${hour}:00:00Z`));
    assert.ok(start && middle && end);
    for (const busy of [one, other]) {
      await placeEntries(db, busy, [new Date(start.getTime() - 1)]);
      await addCharges(db, busy, { count: 600, period: { from: start, to: end } });
    }
    // 00:00 to 04:00 and to 06:00, a charge every 72 seconds.
    await rollPoolUsage(db, await poolKeyOf(db, one), 201);
    await rollPoolUsage(db, await poolKeyOf(db, other), 301);
    const query = { account: undefined, timeZone: "UTC", groupBy: [], from: start, to: end } as const;
    const exact = await readUsageReport(db, query, ["credits"], { mostInTails: 700 });
    assert.deepEqual([exact.totals[0]?.requests, exact.completeUntil], [1200, undefined]);
    const rolled = await readUsageReport(db, query, ["credits"], { mostInTails: 699 });
    assert.deepEqual(
      [rolled.totals[0]?.requests, rolled.completeUntil],
      [500, new Date("2026-06-01T04:00:00Z")],
    );
    const readOne = async (mostInTails?: number) => {
      const found = await readUsageReport(db, { ...query, account: one }, ["credits"], { mostInTails });
      return [found.totals[0]?.requests, found.completeUntil];
    };
    for (const most of [400, undefined, ALL_TAILS]) assert.deepEqual(await readOne(most), [600, undefined]);
    assert.deepEqual(await readOne(399), [200, new Date("2026-06-01T04:00:00Z")]);
    // Nothing is counted at all, and the moment is told.
    const late = { ...query, from: middle, account: one };
    const { rows, completeUntil } = await readUsageReport(db, late, [], { mostInTails: 399 });
    assert.deepEqual([rows, completeUntil], [[], new Date("2026-06-01T04:00:00Z")]);
    await rollUsage(db);
    assert.deepEqual(await readOne(0), [600, undefined]);
    const complete = await readUsageReport(db, query, ["credits"], { mostInTails: 0 });
    assert.deepEqual([complete.totals[0]?.requests, complete.completeUntil], [1200, undefined]);
  });

  test("the books are sound", async () => await assertSound(db));
});
