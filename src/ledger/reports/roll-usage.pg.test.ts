import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Credits } from "../../domain/credits.ts";
import type { Database } from "../database/database.ts";
import { Turns } from "../database/turns.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { refundCharge } from "../refunds/refund.ts";
import { addCharges } from "../testing/add-charges.ts";
import {
  assertSound,
  changeEntries,
  chargeOf,
  createPool,
  LEDGER,
  nameKeys,
  OF_POOL,
  placeEntries,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { type RollUsageOptions, rollPoolUsage, rollUsageBehind } from "./roll-usage.ts";

const DAY = 24 * 3_600_000;

eachDatabase("usage that is rolled up", (openFresh, kind) => {
  let db: Database;
  let ledger: LedgerHandle;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  interface Sums {
    span: string;
    rows: bigint;
    requests: bigint;
    credits: Credits;
    refunded: Credits;
  }
  const sumsOf = (pool: PoolRef): Promise<Sums[]> =>
    db.query(
      `SELECT span, count(*) AS rows, sum(requests)::bigint AS requests, sum(credits)::bigint AS credits,
         sum(refunded)::bigint AS refunded
       FROM farebox.usage WHERE ${OF_POOL} GROUP BY span ORDER BY span`,
      [pool.accountId, pool.creditType],
    );
  const spansOf = (pool: PoolRef) =>
    sumsOf(pool).then((sums) =>
      sums.map(({ span, rows, requests, credits, refunded }) => [span, rows, requests, credits, refunded]),
    );
  const rolledSeq = async (pool: PoolRef): Promise<bigint | undefined> => {
    const [row] = await db.query<{ seq: bigint }>(`SELECT seq FROM farebox.usage_rolled WHERE ${OF_POOL}`, [
      pool.accountId,
      pool.creditType,
    ]);
    return row?.seq;
  };
  const isInSight = async (pool: PoolRef): Promise<boolean> => {
    const rows = await db.query(`SELECT FROM farebox.active_pools WHERE ${OF_POOL}`, [
      pool.accountId,
      pool.creditType,
    ]);
    return rows.length > 0;
  };
  /** As the sweeper does it when nobody uses a pool any more and its usage is rolled up. */
  const rest = async (pool: PoolRef): Promise<void> => {
    const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
    const rows = await db.query<{ instanceNo: number }>(
      `SELECT instance_no AS "instanceNo" FROM farebox.active_pools WHERE shard = $1 AND account_no = $2 AND type_no = $3`,
      [shard, accountNo, typeNo],
    );
    for (const { instanceNo } of rows) {
      const verb = instanceNo === 0 ? "leave_sight($1, $3, $4)" : "rest_pool($1, $2, $3, $4)";
      await db.query(`SELECT farebox.${verb}, $2::integer`, [shard, instanceNo, accountNo, typeNo]);
    }
  };
  const step = async (pool: PoolRef, most: number): Promise<number> =>
    rollPoolUsage(db, await poolKeyOf(db, pool), most);
  /** All of a pool, in steps of so many entries; returns how many each summed. */
  const rollAll = async (pool: PoolRef, most: number): Promise<number[]> => {
    const steps: number[] = [];
    for (let count = most; count === most; ) {
      count = await step(pool, most);
      steps.push(count);
    }
    return steps;
  };
  const refund = (pool: PoolRef, seq: number, amount: Credits | "all", reference = "r") =>
    refundCharge(db, { pool, seq, amount, reason: "slow", reference });
  const rollBehind = async (limits?: RollUsageOptions): Promise<number> => {
    let entries = 0;
    for (let shard = 0; shard < LEDGER.shards; shard += 1)
      entries += await rollUsageBehind(db, shard, limits);
    return entries;
  };

  /** A pool with a grant and a charge of 100 on each of the last days, the newest a minute ago. */
  async function charged(days: number): Promise<PoolRef> {
    const pool = await createPool(db, 1_000_000n);
    for (let index = 0; index <= days; index += 1) await ledger.charge(chargeOf(pool, 100n));
    const now = Date.now() - 60_000;
    const at = Array.from({ length: days + 1 }, (_, index) => new Date(now - (days - index) * DAY));
    await placeEntries(db, pool, [new Date(now - 200 * DAY), ...at]);
    return pool;
  }

  test("entries are summed by quarters, hours and days, so many in each step and each once", async () => {
    const pool = await charged(9);
    assert.deepEqual(await rollAll(pool, 4), [4, 4, 3]);
    const sums = ["d", "h", "q"].map((span) => [span, 10n, 10n, 1000n, 0n]);
    assert.deepEqual(await spansOf(pool), sums);
    assert.equal(await step(pool, 4), 0);
    assert.deepEqual(await spansOf(pool), sums);
    assert.equal(await rolledSeq(pool), 11n);
  });

  test("charges of one quarter, key and endpoint are one row, whichever step they are in", async () => {
    const pool = await createPool(db, 1_000_000n);
    await nameKeys(db, pool, ["key_2"]);
    const at = [new Date("2026-05-01T10:00:00Z")];
    for (let index = 0; index < 12; index += 1) {
      await ledger.charge(chargeOf(pool, 7n, { keyId: `key_${1 + (index % 2)}` }));
      // 10:00, 10:07, … 11:17.
      at.push(new Date(Date.parse("2026-05-01T10:00:00Z") + index * 7 * 60_000));
    }
    await placeEntries(db, pool, at);
    assert.deepEqual(await rollAll(pool, 5), [5, 5, 3]);
    assert.deepEqual(
      (await sumsOf(pool)).map(({ span, rows, requests, credits }) => [span, rows, requests, credits]),
      [
        ["d", 2n, 12n, 84n],
        ["h", 4n, 12n, 84n],
        ["q", 11n, 12n, 84n],
      ],
    );
  });

  test("a refund counts to its charge's time, be the charge rolled up before it or with it", async () => {
    const pool = await charged(10);
    await refund(pool, 3, 40n);
    await rollAll(pool, 100);
    await refund(pool, 3, 5n, "again");
    await refund(pool, 4, "all");
    await rollAll(pool, 100);
    assert.deepEqual(
      await spansOf(pool),
      ["d", "h", "q"].map((span) => [span, 11n, 11n, 1100n, 145n]),
    );
    const days = await db.query<{ refunded: Credits }>(
      `SELECT refunded FROM farebox.usage WHERE ${OF_POOL} AND span = 'd' ORDER BY start`,
      [pool.accountId, pool.creditType],
    );
    assert.deepEqual(
      days.slice(0, 4).map(({ refunded }) => refunded),
      [0n, 45n, 100n, 0n],
    );
  });

  test("refunds and charges made while several roll up are neither lost nor doubled", async () => {
    for (let round = 0; round < 5; round += 1) {
      const pool = await charged(4);
      await Promise.all([
        ...[2, 3, 4].map((seq) => refund(pool, seq, 7n)),
        ...Array.from({ length: 20 }, () => ledger.charge(chargeOf(pool, 1n))),
        rollAll(pool, 2),
        rollAll(pool, 3),
        rollAll(pool, 100),
      ]);
      await rollAll(pool, 100);
      const [sums] = await sumsOf(pool);
      assert.deepEqual([sums?.requests, sums?.credits, sums?.refunded], [25n, 520n, 21n]);
      await assertSound(db);
    }
  });

  test("a key's windows are those of its latest charge; a month is not reset every day, and a refund of yesterday frees nothing today", async () => {
    const pool = await createPool(db, 1_000_000n);
    const key = { keyId: "key_1" };
    const days = ["2026-04-29", "2026-05-01", "2026-05-02", "2026-05-03", "2026-05-03"];
    for (const [index] of days.entries()) await ledger.charge(chargeOf(pool, 10n ** BigInt(index), key));
    const at = ["2026-04-01", ...days].map((day) => new Date(`${day}T12:00:00Z`));
    await placeEntries(db, pool, at);
    const spending = async (): Promise<unknown[]> => {
      const [row] = await db.query<Record<string, unknown>>(
        `SELECT day, day_spent, month, month_spent, total_spent FROM farebox.key_spend WHERE ${OF_POOL}`,
        [pool.accountId, pool.creditType],
      );
      return Object.values(row ?? {});
    };
    const [may, first, second, third] = ["01", "01", "02", "03"].map(
      (day) => new Date(`2026-05-${day}T00:00:00Z`),
    );
    const seen: unknown[] = [];
    for (let count = 2; count <= 6; count += 1) {
      await step(pool, count === 2 ? 2 : 1);
      seen.push(await spending());
    }
    const april = new Date("2026-04-01T00:00:00Z");
    assert.deepEqual(seen, [
      [new Date("2026-04-29T00:00:00Z"), 1n, april, 1n, 1n],
      [first, 10n, may, 10n, 11n],
      [second, 100n, may, 110n, 111n],
      [third, 1000n, may, 1110n, 1111n],
      [third, 11000n, may, 11110n, 11111n],
    ]);
    await refund(pool, 2, "all");
    await refund(pool, 4, 50n);
    await rollAll(pool, 10);
    assert.deepEqual(await spending(), [third, 11000n, may, 11060n, 11060n]);
    await refund(pool, 6, 400n);
    await rollAll(pool, 10);
    assert.deepEqual(await spending(), [third, 10600n, may, 10660n, 10660n]);
    await placeEntries(db, pool, [...at, at[5], at[5], at[5]] as Date[]);
    await rollAll(pool, 100);
    assert.deepEqual(await spending(), [third, 10600n, may, 10660n, 10660n], "in one step");
  });

  test("pools are rolled up when 500 entries are behind, or after five minutes", async () => {
    await rollBehind();
    const few = await createPool(db, 10_000n);
    const many = await createPool(db, 10_000n);
    for (const pool of [few, many]) {
      await ledger.charge(chargeOf(pool, 1n));
      await rollAll(pool, 10);
    }
    await addCharges(db, few, { count: 499 });
    await addCharges(db, many, { count: 499 });
    assert.equal(await rollBehind(), 0);
    await addCharges(db, many, { count: 1 });
    assert.equal(await rollBehind(), 500);
    assert.equal(await rolledSeq(many), 502n);
    assert.equal(await rolledSeq(few), 2n);
    await db.query(
      `UPDATE farebox.usage_rolled SET at = at - interval '5 minutes 1 second' WHERE ${OF_POOL}`,
      [few.accountId, few.creditType],
    );
    assert.equal(await rollBehind(), 499);
  });

  test("a refund of a pool that nobody uses any more is rolled up too", async () => {
    const pool = await charged(3);
    await rollAll(pool, 100);
    await rest(pool);
    assert.ok(!(await isInSight(pool)));
    await refund(pool, 2, 7n);
    assert.ok(await isInSight(pool));
    await db.query(
      `UPDATE farebox.usage_rolled SET at = at - interval '1 day' WHERE ${OF_POOL} AND seq < 6`,
      [pool.accountId, pool.creditType],
    );
    await rollBehind();
    assert.equal((await sumsOf(pool))[0]?.refunded, 7n);
    assert.ok(!(await isInSight(pool)));
  });

  test("a pool with very many entries keeps the others waiting for a step only; one that is broken for none", async () => {
    await rollBehind();
    const pools: PoolRef[] = [];
    while (pools.length < 3) {
      const pool = await createPool(db, 100_000n);
      if (pool.shard === (pools[0]?.shard ?? pool.shard)) pools.push(pool);
    }
    const [large, broken, small] = pools as [PoolRef, PoolRef, PoolRef];
    const shard = large.shard;
    await addCharges(db, large, { count: 3000, endpoint: "n % 7", key: "n % 11" });
    await addCharges(db, broken, { count: 1200 });
    await addCharges(db, small, { count: 600 });
    const lost = await poolKeyOf(db, broken);
    const moveEntry = (from: number, to: number) =>
      changeEntries(db, (tx) =>
        tx.query("UPDATE farebox.entries SET seq = $4 WHERE account_no = $1 AND type_no = $2 AND seq = $3", [
          lost.accountNo,
          lost.typeNo,
          from,
          to,
        ]),
      );
    await moveEntry(301, 9301);
    assert.equal(
      await rollUsageBehind(db, shard, { steps: 4, entriesPerStep: 1000 }),
      1000 + 300 + 601 + 1000,
    );
    assert.equal(await rolledSeq(broken), 300n);
    await assert.rejects(rollUsageBehind(db, shard), /entry 301 of pool .* is missing/);
    assert.equal(await rolledSeq(large), 3001n);
    assert.equal(await rolledSeq(small), 601n);
    // Behind the broken one, which is in front of every list from now on.
    await addCharges(db, small, { count: 600 });
    const told: unknown[] = [];
    const options = { steps: 1, turns: new Turns(), onPassed: (error: unknown) => void told.push(error) };
    assert.equal(await rollUsageBehind(db, shard, options), 0);
    assert.equal(await rollUsageBehind(db, shard, options), 600);
    assert.equal(told.length, 1);
    await moveEntry(9301, 301);
    await rollUsageBehind(db, shard);
    assert.equal(await rolledSeq(broken), 1201n);
  });

  if (kind === "postgres") {
    test("a locked pool is rolled up in bounded steps, and a step under way keeps no charge waiting", async () => {
      const pool = await createPool(db, 1_000_000n);
      // One day whose every charge is a row of its own.
      const day = { from: new Date("2026-05-01T00:00:00Z"), to: new Date("2026-05-02T00:00:00Z") };
      await placeEntries(db, pool, [day.from]);
      await addCharges(db, pool, { count: 10_000, period: day, key: "1 + n % 997", endpoint: "1 + n % 61" });
      const key = await poolKeyOf(db, pool);
      await db.transaction(async (holder) => {
        await holder.query("SELECT FROM farebox.pools WHERE account_no = $1 AND type_no = $2 FOR UPDATE", [
          key.accountNo,
          key.typeNo,
        ]);
        const steps = await rollAll(pool, 1000);
        assert.deepEqual(steps, [...Array.from({ length: 10 }, () => 1000), 1]);
      });
      assert.equal(await rolledSeq(pool), 10_001n);
      const rolled = (await sumsOf(pool)).map(({ requests }) => requests);
      assert.deepEqual(rolled, [10_000n, 10_000n, 10_000n]);
      await addCharges(db, pool, { count: 1000 });
      await db.transaction(async (roller) => {
        const [row] = await roller.query<{ count: number }>(
          "SELECT farebox.roll_usage($1, $2, $3, 500) AS count",
          [key.shard, key.accountNo, key.typeNo],
        );
        assert.equal(row?.count, 500);
        // The step is not committed: it holds all its locks.
        assert.equal((await ledger.charge(chargeOf(pool, 1n))).kind, "charged");
        assert.equal(await step(pool, 500), 0, "another process passes the pool by");
      });
      assert.deepEqual(await rollAll(pool, 1000), [501]);
    });
  }

  test("on a cluster is one call that stands alone: only so it runs where the shard is", async () => {
    const pool = await createPool(db, 100n);
    for (const amount of [1n, 2n]) await ledger.charge(chargeOf(pool, amount));
    const place = await poolKeyOf(db, pool);
    const refuse = () => Promise.reject(new Error("not in a transaction"));
    const cluster: Database = {
      kind: db.kind,
      query: (statement, params) => db.query(statement, params),
      exec: refuse,
      transaction: refuse,
      close: refuse,
      serverOf: () => 1,
    };
    assert.ok((await rollPoolUsage(cluster, place, 1_000)) >= 2);
    assert.equal(await rollPoolUsage(db, place, 1_000), 0);
  });
});
