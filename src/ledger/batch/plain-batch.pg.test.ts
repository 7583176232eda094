import assert from "node:assert/strict";
import { afterEach, before, beforeEach, test } from "node:test";
import type { KeyCap } from "../../domain/key-cap.ts";
import type { Database } from "../database/database.ts";
import { setKeyCaps } from "../keys/key-caps.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import {
  addKey,
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  letTimePass,
  nameKeys,
  placeEntries,
  readPool,
  releaseOf,
  roll,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { NO_LANE_EVENTS } from "./lane-events.ts";

const HOUR_MS = 3_600_000;

interface Line {
  readonly seq: number;
  readonly kind: string;
  readonly amount: bigint;
  readonly balance: bigint;
  readonly spent: bigint;
  readonly at: Date;
}

/** What an instance leases goes through a function of its own, which leaves to the general batch what it cannot do. */
eachDatabase("a plain batch", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  /** The batches that were answered, and how many items were in each. */
  let batches: [kind: string, items: number][];

  before(async () => {
    db = await openFresh();
  });
  beforeEach(async () => {
    const batchDone = (kind: string, items: number): void => void batches.push([kind, items]);
    ledger = await openLedger(db, { ...LEDGER, events: { ...NO_LANE_EVENTS, batchDone } });
    batches = [];
  });
  afterEach(async () => {
    await ledger.close();
    await assertSound(db);
  });

  /** Pools of one shard with so much leased, on which a plain batch can be run. */
  const openPools = async (leased: readonly bigint[]): Promise<readonly PoolRef[]> => {
    const pools: PoolRef[] = [];
    while (pools.length < leased.length) {
      const pool = await createPool(db, 10_000n);
      if (pool.shard === (pools[0]?.shard ?? pool.shard)) pools.push(pool);
    }
    await nameKeys(db, pools[0] ?? assert.fail(), ["key_2"]);
    for (const [index, pool] of pools.entries()) await ledger.lease(leaseOf(pool, leased[index] ?? 0n));
    // What the charges name is known from now on.
    for (const keyId of ["key_1", "key_2"]) {
      for (const pool of pools) await ledger.charge(chargeOf(pool, 0n, { keyId }));
    }
    batches.length = 0;
    return pools;
  };

  const linesOf = async (pool: PoolRef): Promise<Line[]> => {
    const { accountNo, typeNo } = await poolKeyOf(db, pool);
    return await db.query<Line>(
      `SELECT seq::int, kind::text, amount, balance, spent, at FROM farebox.entries
       WHERE account_no = $1 AND type_no = $2 ORDER BY seq`,
      [accountNo, typeNo],
    );
  };

  const leasedOf = async (pool: PoolRef): Promise<readonly bigint[]> => {
    const { accountNo, typeNo } = await poolKeyOf(db, pool);
    const rows = await db.query<{ amount: bigint }>(
      "SELECT unnest(lease_amount) AS amount FROM farebox.pools WHERE account_no = $1 AND type_no = $2",
      [accountNo, typeNo],
    );
    return rows.map(({ amount }) => amount);
  };

  test("writes a line for each charge, in the order of their coming, and answers with it", async () => {
    const [one, other] = await openPools([100n, 50n]);
    assert.ok(one && other);
    const told = await Promise.all([
      ledger.charge(chargeOf(one, 10n, { hold: "lease" })),
      ledger.charge(chargeOf(other, 7n, { hold: "lease" })),
      ledger.charge(chargeOf(one, 20n, { hold: "lease", keyId: "key_2" })),
      ledger.charge(chargeOf(one, 5n, { hold: "lease" })),
      ledger.charge(chargeOf(other, 3n, { hold: "lease" })),
    ]);
    assert.deepEqual(batches, [["plain", 5]]);
    assert.deepEqual(
      told.map(({ seq, charged, balance }) => [seq, charged, balance]),
      [
        [2, 10n, 9990n],
        [2, 7n, 9993n],
        [3, 20n, 9970n],
        [4, 5n, 9965n],
        [3, 3n, 9990n],
      ],
    );
    const written = async (pool: PoolRef) =>
      (await linesOf(pool))
        .slice(1)
        .map(({ seq, kind, amount, balance, spent }) => [seq, kind, amount, balance, spent]);
    assert.deepEqual(await written(one), [
      [2, "c", -10n, 9990n, 10n],
      [3, "c", -20n, 9970n, 30n],
      [4, "c", -5n, 9965n, 35n],
    ]);
    assert.deepEqual(await written(other), [
      [2, "c", -7n, 9993n, 7n],
      [3, "c", -3n, 9990n, 10n],
    ]);
    const ofOne = { balance: 9965n, held: 65n, spent: 35n, uncollected: 0n, lastSeq: 4n };
    assert.deepEqual([await readPool(db, one), await leasedOf(one)], [ofOne, [65n]]);
    const ofOther = { balance: 9990n, held: 40n, spent: 10n, uncollected: 0n, lastSeq: 3n };
    assert.deepEqual([await readPool(db, other), await leasedOf(other)], [ofOther, [40n]]);
  });

  test("passes by what it cannot do, and does the rest", async () => {
    const [short, covered] = await openPools([5n, 50n]);
    assert.ok(short && covered);
    const told = await Promise.all([
      ledger.charge(chargeOf(short, 10n, { hold: "lease" })),
      ledger.charge(chargeOf(covered, 10n, { hold: "lease" })),
    ]);
    assert.deepEqual(batches, [
      ["plain", 2],
      ["general", 1],
    ]);
    assert.deepEqual(
      told.map(({ seq, charged, uncollected }) => [seq, charged, uncollected]),
      [
        [2, 10n, 0n],
        [2, 10n, 0n],
      ],
    );
  });

  test("tells of each pool that was leased from how long that is good, and of one that was charged not at all", async () => {
    const pools = await openPools([100n, 100n, 100n, 100n]);
    const [forever, hour, day, charged] = pools;
    assert.ok(forever && hour && day && charged);
    const expire = (pool: PoolRef, ms: number) =>
      grantCredits(db, { pool, amount: 5n, source: "promo", expiresAt: new Date(Date.now() + ms) });
    await expire(hour, HOUR_MS);
    await expire(day, 24 * HOUR_MS);
    await expire(charged, HOUR_MS);
    // It was leased from before anything was due on it.
    const [, ...leases] = await Promise.all([
      ledger.charge(chargeOf(charged, 1n, { hold: "lease" })),
      ...[day, forever, hour].map((pool) => ledger.lease(leaseOf(pool, 10n))),
    ]);
    assert.deepEqual(batches, [["plain", 4]]);
    assert.deepEqual(
      leases.map(({ granted, nextEventMs }) => [granted, nextEventMs && Math.ceil(nextEventMs / HOUR_MS)]),
      [
        [10n, 24],
        [10n, null],
        [10n, 1],
      ],
    );
  });

  test("answers with what is available, which is less than the balance by all that is held", async () => {
    const [leased, released] = await openPools([100n, 100n]);
    assert.ok(leased && released);
    const [lease, release] = await Promise.all([
      ledger.lease(leaseOf(leased, 10n)),
      ledger.release({ pool: released, hold: "lease", amount: 40n }),
    ]);
    assert.deepEqual(batches, [["plain", 2]]);
    assert.deepEqual([lease.balance, lease.available], [10_000n, 9890n]);
    assert.deepEqual(release, { released: 40n, available: 9940n });
  });

  test("lets what is due happen first", async () => {
    const [pool] = await openPools([30n]);
    assert.ok(pool);
    const expiresAt = new Date(Date.now() + HOUR_MS);
    await grantCredits(db, { pool, amount: 50n, source: "promo", priority: 1, expiresAt });
    await letTimePass(db, pool, 2 * HOUR_MS);
    await ledger.charge(chargeOf(pool, 10n, { hold: "lease" }));
    assert.deepEqual(
      (await linesOf(pool)).map(({ kind, amount }) => [kind, amount]),
      [
        ["g", 10_000n],
        ["g", 50n],
        // What the lease covers of it expires when it is given back.
        ["x", -20n],
        ["c", -10n],
      ],
    );
  });

  test("gives nothing back that expired while it was leased", async () => {
    const pool = await createPool(db, 0n);
    const expiresAt = new Date(Date.now() + HOUR_MS);
    await grantCredits(db, { pool, amount: 100n, source: "promo", expiresAt });
    await ledger.lease(leaseOf(pool, 60n));
    await letTimePass(db, pool, 2 * HOUR_MS);
    await roll(db, pool);
    const { balance, held } = await readPool(db, pool);
    assert.deepEqual([balance, held], [60n, 60n]);
    assert.deepEqual(await ledger.release({ pool, hold: "lease", amount: 60n }), {
      released: 60n,
      available: 0n,
    });
    assert.equal((await readPool(db, pool)).balance, 0n);
  });

  test("of an instance that was declared dead does nothing: its charges are made anew, straight from the pool", async () => {
    const [pool] = await openPools([100n]);
    assert.ok(pool);
    const old = ledger.instanceId;
    await db.query(
      `SELECT farebox.end_lane($1::smallint, i.instance_no) FROM farebox.lanes i WHERE i.shard = $1 AND i.instance_id = $2`,
      [pool.shard, old],
    );
    const { charged, seq } = await ledger.charge(chargeOf(pool, 10n, { hold: "lease" }));
    assert.deepEqual([charged, seq, batches], [10n, 2, [["general", 1]]]);
    assert.notEqual(ledger.instanceId, old);
    const { spent, held } = await readPool(db, pool);
    assert.deepEqual([spent, held], [10n, 0n]);
  });

  test("never makes a pool's entries run backwards when the clock does", async () => {
    const [pool] = await openPools([100n]);
    assert.ok(pool);
    const ahead = new Date(Math.floor(Date.now() / 1_000) * 1_000 + HOUR_MS);
    await placeEntries(db, pool, [ahead]);
    await Promise.all([1n, 2n].map((amount) => ledger.charge(chargeOf(pool, amount, { hold: "lease" }))));
    assert.deepEqual(batches, [["plain", 2]]);
    assert.deepEqual(
      (await linesOf(pool)).map(({ at }) => at),
      [ahead, ahead, ahead],
    );
  });

  test("is a sign of life", async () => {
    const [pool] = await openPools([100n]);
    assert.ok(pool);
    const of = "shard = $1 AND instance_id = $2";
    const params = [pool.shard, ledger.instanceId];
    await db.query(`UPDATE farebox.lanes SET seen_at = seen_at - interval '1 day' WHERE ${of}`, params);
    await ledger.charge(chargeOf(pool, 1n, { hold: "lease" }));
    const seen = await db.query<{ recently: boolean }>(
      `SELECT seen_at > clock_timestamp() - interval '1 hour' AS recently FROM farebox.lanes WHERE ${of}`,
      params,
    );
    assert.deepEqual([seen, batches], [[{ recently: true }], [["plain", 1]]]);
  });

  test("has no charge in it that more than the lease decides about", async () => {
    const [pool] = await openPools([100n]);
    assert.ok(pool);
    const { accountId, shard } = pool;
    const charge = async (change: Parameters<typeof chargeOf>[2]) => {
      const { kind, charged } = await ledger.charge(chargeOf(pool, 10n, { hold: "lease", ...change }));
      return [kind, charged];
    };
    const once = { value: "v", withinSeconds: 60 };
    assert.deepEqual(
      [await charge({ once }), await charge({ once })],
      [
        ["charged", 10n],
        ["repeat", 0n],
      ],
    );
    const start = await ledger.beginIdempotent(accountId, shard, "k", "hash");
    const owner = start.kind === "begun" ? start.owner : assert.fail(start.kind);
    const response = { status: 200, headers: [], body: null };
    assert.deepEqual(await charge({ idempotency: { key: "k", requestHash: "hash", owner, response } }), [
      "charged",
      10n,
    ]);
    assert.equal((await ledger.beginIdempotent(accountId, shard, "k", "hash")).kind, "done");
    assert.deepEqual(await charge({ most: 4n }), ["charged", 4n]);
    assert.deepEqual([batches.filter(([kind]) => kind === "plain"), await leasedOf(pool)], [[], [76n]]);
    assert.equal((await readPool(db, pool)).uncollected, 6n);
  });

  test("has nothing of a key's own lease in it, which outlives the key's cap", async () => {
    const [pool] = await openPools([100n]);
    assert.ok(pool);
    const { keyId } = await addKey(db, pool);
    const setCaps = (...caps: KeyCap[]) => db.transaction((tx) => setKeyCaps(tx, { ...pool, keyId }, caps));
    await setCaps({ creditType: pool.creditType, day: 90n, month: null, total: null });
    await ledger.lease(leaseOf(pool, 40n, { capKey: keyId }));
    await setCaps();
    await ledger.charge(chargeOf(pool, 15n, { hold: "lease", keyId, capKey: keyId }));
    assert.equal((await ledger.lease(leaseOf(pool, 5n, { capKey: keyId }))).granted, 5n);
    await ledger.release({ pool, hold: "lease", amount: 10n, capKey: keyId });
    const ofKey = await db.query("SELECT amount FROM farebox.key_leases WHERE amount > 0");
    assert.deepEqual([ofKey, await leasedOf(pool)], [[{ amount: 20n }], [100n]]);
    assert.equal((await readPool(db, pool)).held, 120n);
  });

  test("enlarges a lease that is asked for twice at once by both, and answers both", async () => {
    const [pool] = await openPools([100n]);
    assert.ok(pool);
    const leases = await Promise.all([10n, 20n].map((need) => ledger.lease(leaseOf(pool, need))));
    assert.deepEqual([leases.map(({ granted }) => granted), await leasedOf(pool)], [[10n, 20n], [130n]]);
  });

  test("leases no more than an eighth beyond the need, and counts what it charges for nothing that is free", async () => {
    const [pool] = await openPools([100n]);
    assert.ok(pool);
    await ledger.hold(holdOf(pool, "h", 9_800n));
    const [, lease] = await Promise.all([
      ledger.charge(chargeOf(pool, 50n, { hold: "lease" })),
      ledger.lease(leaseOf(pool, 1n, { want: 13n })),
    ]);
    assert.equal(lease.granted, 12n);
    await ledger.release(releaseOf(pool, "h"));
  });
});
