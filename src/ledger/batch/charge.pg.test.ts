import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { beginIdempotent, newIdempotencyOwner } from "../instance/idempotency.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { listEntries } from "../pools/entries.ts";
import { grantCredits } from "../pools/grant.ts";
import { waitForLocks } from "../testing/at-once.ts";
import {
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  letTimePass,
  readPool,
  releaseOf,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";

eachDatabase("charge", (openFresh, version) => {
  let db: Database;
  let ledger: LedgerHandle;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  /** Begins while somebody has the rows of a table locked, until both that it begins wait. */
  const whileLocked = async <T>(table: string, begin: () => readonly Promise<T>[]) =>
    await db.transaction(async (tx) => {
      await tx.query(`SELECT FROM farebox.${table} FOR UPDATE`);
      const begun = begin();
      await waitForLocks(db, begun.length);
      return begun;
    });
  test("charges of a lease draw it down, and what they leave stays in it", async () => {
    const pool = await createPool(db, 1000n);
    const lease = await ledger.lease(leaseOf(pool, 100n));
    assert.deepEqual(lease, {
      granted: 100n,
      available: 900n,
      balance: 1000n,
      nextEventMs: null,
      recalled: false,
      owner: ledger.instanceId,
    });
    const charged = await ledger.charge(chargeOf(pool, 30n, { hold: "lease" }));
    assert.deepEqual(charged, { kind: "charged", seq: 2, charged: 30n, uncollected: 0n, balance: 970n });
    assert.deepEqual(await readPool(db, pool), {
      balance: 970n,
      held: 70n,
      spent: 30n,
      uncollected: 0n,
      lastSeq: 2n,
    });
    assert.deepEqual(await ledger.release({ pool, hold: "lease", amount: 70n }), {
      released: 70n,
      available: 970n,
    });
  });

  test("thousands of charges of one pool in one batch are numbered and balanced line by line", async () => {
    const pool = await createPool(db, 1_000_000n);
    await ledger.lease(leaseOf(pool, 500_000n));
    const amounts = Array.from({ length: 2500 }, (_, index) => BigInt(index % 7));
    const results = await Promise.all(
      amounts.map((amount, index) =>
        ledger.charge(chargeOf(pool, amount, index % 2 === 0 ? { hold: "lease" } : {})),
      ),
    );
    let balance = 1_000_000n;
    const inOrder = results
      .filter(({ seq }) => seq !== null)
      .sort((left, right) => Number(left.seq) - Number(right.seq));
    assert.equal(inOrder.length, amounts.filter((amount) => amount > 0n).length);
    for (const [nth, { charged, ...line }] of inOrder.entries()) {
      balance -= charged;
      assert.deepEqual(line, { kind: "charged", seq: nth + 2, uncollected: 0n, balance });
    }
    for (const [index, amount] of amounts.entries()) assert.equal(results[index]?.charged, amount);
    // Those that draw on the same are numbered as they came.
    for (const half of [0, 1]) {
      const seqs = results.filter((_, index) => index % 2 === half).flatMap(({ seq }) => seq ?? []);
      assert.deepEqual(
        seqs,
        seqs.toSorted((left, right) => left - right),
      );
    }
    assert.equal((await readPool(db, pool)).balance, balance);
  });

  test("a charge beyond its lease falls to the pool, and what that lacks is recorded as uncollected", async () => {
    const pool = await createPool(db, 100n);
    await ledger.lease(leaseOf(pool, 10n));
    await ledger.hold(holdOf(pool, "other", 50n));
    const results = await Promise.all([
      ledger.charge(chargeOf(pool, 25n, { hold: "lease" })),
      ledger.charge(chargeOf(pool, 70n)),
      ledger.charge(chargeOf(pool, 5n)),
    ]);
    assert.deepEqual(results, [
      { kind: "charged", seq: 2, charged: 25n, uncollected: 0n, balance: 75n },
      { kind: "charged", seq: 3, charged: 25n, uncollected: 45n, balance: 50n },
      { kind: "charged", seq: 4, charged: 0n, uncollected: 5n, balance: 50n },
    ]);
    assert.deepEqual(await readPool(db, pool), {
      balance: 50n,
      held: 50n,
      spent: 50n,
      uncollected: 50n,
      lastSeq: 4n,
    });
    const { entries } = await listEntries(db, pool, { limit: 2 });
    assert.deepEqual(
      entries.map(({ uncollected }) => uncollected),
      [5n, 45n],
    );
    await ledger.release(releaseOf(pool, "other"));
  });

  test("a charge takes no more than the caller allows, of a lease or of the pool, and records the rest", async () => {
    const pool = await createPool(db, 100n);
    await ledger.lease(leaseOf(pool, 10n));
    const results = [
      await ledger.charge(chargeOf(pool, 40n, { hold: "lease", most: 6n })),
      await ledger.charge(chargeOf(pool, 40n, { most: 15n })),
      await ledger.charge(chargeOf(pool, 40n, { most: 0n })),
      await ledger.charge(chargeOf(pool, 5n, { most: 9n })),
    ];
    assert.deepEqual(
      results.map(({ charged, uncollected }) => [charged, uncollected]),
      [
        [6n, 34n],
        [15n, 25n],
        [0n, 40n],
        [5n, 0n],
      ],
    );
    // Four of the lease's ten are left in it.
    const { balance, held, uncollected } = await readPool(db, pool);
    assert.deepEqual([balance, held, uncollected], [74n, 4n, 99n]);
  });

  test("a pool that cannot cover its charges does not disturb the others of the batch", async () => {
    const poor = await createPool(db, 10n);
    const rich = await createPool(db, 1000n);
    const sameShard = { ...rich };
    const results = await Promise.all(
      [1, 2, 3].flatMap(() => [ledger.charge(chargeOf(poor, 6n)), ledger.charge(chargeOf(sameShard, 6n))]),
    );
    assert.deepEqual(
      results.map(({ charged, uncollected }) => [charged, uncollected]),
      [
        [6n, 0n],
        [6n, 0n],
        [4n, 2n],
        [6n, 0n],
        [0n, 6n],
        [6n, 0n],
      ],
    );
  });

  test("a charge of nothing writes no entry and returns the balance", async () => {
    const pool = await createPool(db, 100n);
    const result = await ledger.charge(chargeOf(pool, 0n));
    assert.deepEqual(result, { kind: "charged", seq: null, charged: 0n, uncollected: 0n, balance: 100n });
    assert.equal((await readPool(db, pool)).lastSeq, 1n);
  });

  test("a charge of a pool that was never granted anything is uncollected", async () => {
    const pool = await createPool(db, 0n);
    const result = await ledger.charge(chargeOf(pool, 5n));
    assert.deepEqual(result, { kind: "charged", seq: 1, charged: 0n, uncollected: 5n, balance: 0n });
  });

  test("a client's hold resolves once: its charge repeated returns the original result", async () => {
    const pool = await createPool(db, 100n);
    await ledger.hold(holdOf(pool, "h", 40n));
    const first = await ledger.charge(chargeOf(pool, 25n, { hold: { id: "h" } }));
    assert.deepEqual(first, { kind: "charged", seq: 2, charged: 25n, uncollected: 0n, balance: 75n });
    await ledger.charge(chargeOf(pool, 1n));
    const again = await ledger.charge(chargeOf(pool, 25n, { hold: { id: "h" } }));
    assert.deepEqual(again, { ...first, isAgain: true });
    assert.deepEqual(await readPool(db, pool), {
      balance: 74n,
      held: 0n,
      spent: 26n,
      uncollected: 0n,
      lastSeq: 3n,
    });
    assert.deepEqual(await ledger.hold(holdOf(pool, "h", 40n)), { kind: "conflict", state: "charged" });
    assert.deepEqual(await ledger.release(releaseOf(pool, "h")), { released: 0n, available: 74n });
  });

  test("of many charges of one hold at once exactly one is made", async () => {
    const pool = await createPool(db, 100n);
    await ledger.hold(holdOf(pool, "h", 40n));
    const other = await openLedger(db, LEDGER);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? ledger : other).charge(chargeOf(pool, 30n, { hold: { id: "h" } })),
      ),
    );
    const made = { kind: "charged", seq: 2, charged: 30n, uncollected: 0n, balance: 70n };
    const told = results.toSorted((one, two) => Number(one.isAgain ?? false) - Number(two.isAgain ?? false));
    assert.deepEqual(told, [made, ...Array.from({ length: 19 }, () => ({ ...made, isAgain: true }))]);
    assert.equal((await readPool(db, pool)).balance, 70n);
    await other.close();
  });

  test("a hold charged with nothing is resolved", async () => {
    const pool = await createPool(db, 100n);
    await ledger.hold(holdOf(pool, "h", 40n));
    const result = await ledger.charge(chargeOf(pool, 0n, { hold: { id: "h" } }));
    assert.deepEqual(result, { kind: "charged", seq: null, charged: 0n, uncollected: 0n, balance: 100n });
    assert.equal((await readPool(db, pool)).held, 0n);
    const again = await ledger.charge(chargeOf(pool, 30n, { hold: { id: "h" } }));
    assert.deepEqual(again, { ...result, isAgain: true });
  });

  test("a charge above its hold takes the rest from the pool", async () => {
    const pool = await createPool(db, 100n);
    await ledger.hold(holdOf(pool, "h", 40n));
    const result = await ledger.charge(chargeOf(pool, 150n, { hold: { id: "h" } }));
    assert.deepEqual(result, { kind: "charged", seq: 2, charged: 100n, uncollected: 50n, balance: 0n });
  });

  test("a charge that comes after its hold expired draws from the pool, once", async () => {
    const pool = await createPool(db, 100n);
    await ledger.hold(holdOf(pool, "h", 40n, 10));
    await letTimePass(db, pool, 10_000);
    const first = await ledger.charge(chargeOf(pool, 30n, { hold: { id: "h" } }));
    assert.deepEqual(first, { kind: "charged", seq: 2, charged: 30n, uncollected: 0n, balance: 70n });
    const again = await ledger.charge(chargeOf(pool, 30n, { hold: { id: "h" } }));
    assert.deepEqual(again, { ...first, isAgain: true });
    assert.deepEqual(await ledger.hold(holdOf(pool, "h", 40n, 10)), { kind: "conflict", state: "expired" });
    assert.equal((await readPool(db, pool)).held, 0n);
  });

  test("a charge of a hold that never was is refused, and nothing is charged", async () => {
    const pool = await createPool(db, 100n);
    await assert.rejects(ledger.charge(chargeOf(pool, 5n, { hold: { id: "nobody's" } })), {
      code: "hold_unknown",
    });
    assert.equal((await readPool(db, pool)).lastSeq, 1n);
  });

  test("a value is charged once within its window, per account and endpoint", async () => {
    const pool = await createPool(db, 100n);
    const once = { value: "203.0.113.7", withinSeconds: 60 };
    const results = await Promise.all(
      Array.from({ length: 5 }, () => ledger.charge(chargeOf(pool, 10n, { once }))),
    );
    assert.deepEqual(results.map(({ kind }) => kind).sort(), [
      "charged",
      "repeat",
      "repeat",
      "repeat",
      "repeat",
    ]);
    assert.equal(await ledger.isRepeat(pool, "GET /v1/ip-lookup", once.value), true);
    assert.equal(await ledger.isRepeat(pool, "GET /other", once.value), false);
    assert.equal((await ledger.charge(chargeOf(pool, 10n, { once, endpoint: "GET /other" }))).charged, 10n);
    await letTimePass(db, pool, 61_000);
    assert.equal(await ledger.isRepeat(pool, "GET /v1/ip-lookup", once.value), false);
    assert.equal((await ledger.charge(chargeOf(pool, 10n, { once }))).kind, "charged");
    assert.equal((await readPool(db, pool)).balance, 70n);
  });

  test("a value is charged once although several instances charge it through several pools at once", async () => {
    const pool = await createPool(db, 100n);
    const second = { ...pool, creditType: "search" };
    await grantCredits(db, { pool: second, amount: 100n, source: "topup" });
    const other = await openLedger(db, LEDGER);
    const once = { value: "v", withinSeconds: 60 };
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? ledger : other).charge(chargeOf(index % 3 === 0 ? pool : second, 10n, { once })),
      ),
    );
    assert.equal(results.filter(({ kind }) => kind === "charged").length, 1);
    // A window that is over has its row already: nobody waits for who adds it, and each has a pool of its own.
    await letTimePass(db, pool, 61_000);
    const charges = () => [
      ledger.charge(chargeOf(pool, 10n, { once })),
      other.charge(chargeOf(second, 10n, { once })),
    ];
    const again = version === "pglite" ? charges() : await whileLocked("once_windows", charges);
    const kinds = (await Promise.all(again)).map(({ kind }) => kind);
    assert.deepEqual(kinds.toSorted(), ["charged", "repeat"]);
    await other.close();
  });

  test("what a repeat held is free, and its hold resolved", async () => {
    const pool = await createPool(db, 100n);
    const once = { value: "v", withinSeconds: 60 };
    await ledger.charge(chargeOf(pool, 10n, { once }));
    await ledger.hold(holdOf(pool, "h", 30n));
    assert.equal((await ledger.charge(chargeOf(pool, 10n, { once, hold: { id: "h" } }))).kind, "repeat");
    const { balance, held } = await readPool(db, pool);
    assert.deepEqual([balance, held], [90n, 0n]);
    assert.equal((await ledger.release(releaseOf(pool, "h"))).released, 0n);
  });

  test("nothing collected opens no window", async () => {
    const pool = await createPool(db, 0n);
    const once = { value: "v", withinSeconds: 60 };
    assert.equal((await ledger.charge(chargeOf(pool, 10n, { once }))).uncollected, 10n);
    await grantCredits(db, { pool, amount: 10n, source: "topup" });
    assert.equal((await ledger.charge(chargeOf(pool, 10n, { once }))).charged, 10n);
  });

  test("a charge and the response of its Idempotency-Key are committed together", async () => {
    const pool = await createPool(db, 100n);
    const { accountId, shard } = pool;
    const start = await ledger.beginIdempotent(accountId, shard, "k", "hash");
    assert.equal(start.kind, "begun");
    const owner = start.kind === "begun" ? start.owner : "";
    const response = { status: 200, headers: [["x", "y"]] as const, body: new Uint8Array([0, 1, 255]) };
    const charged = await ledger.charge(
      chargeOf(pool, 10n, { idempotency: { key: "k", requestHash: "hash", owner, response } }),
    );
    assert.equal(charged.kind, "charged");
    assert.deepEqual(await ledger.beginIdempotent(accountId, shard, "k", "hash"), {
      kind: "done",
      response: { ...response, headers: [["x", "y"]] },
    });
  });

  test("of two runs under one Idempotency-Key one is charged, the other superseded", async () => {
    const pool = await createPool(db, 100n);
    const { accountId, shard } = pool;
    const response = { status: 200, headers: [], body: null };
    const owners = [newIdempotencyOwner("ins_dead"), newIdempotencyOwner(ledger.instanceId)];
    // The first run's instance is not alive, so the second takes the key over; then both finish.
    for (const owner of owners) await beginIdempotent(db, { accountId, shard, key: "k" }, "hash", owner);
    const results = await Promise.all(
      owners.map((owner) =>
        ledger.charge(
          chargeOf(pool, 10n, { idempotency: { key: "k", requestHash: "hash", owner, response } }),
        ),
      ),
    );
    assert.deepEqual(
      results.map(({ kind, charged }) => [kind, charged]),
      [
        ["charged", 10n],
        ["superseded", 0n],
      ],
    );
    assert.equal((await readPool(db, pool)).balance, 90n);
  });

  test("a run whose Idempotency-Key another request has taken over is charged, and does not answer for it", async () => {
    const pool = await createPool(db, 100n);
    const { accountId, shard } = pool;
    const key = { accountId, shard, key: "k" };
    const owner = newIdempotencyOwner("ins_dead");
    await beginIdempotent(db, key, "mine", owner);
    const other = newIdempotencyOwner(ledger.instanceId);
    assert.equal((await beginIdempotent(db, key, "another's", other)).kind, "begun");
    const response = { status: 200, headers: [], body: new Uint8Array([1]) };
    const mine = { key: "k", requestHash: "mine", owner, response };
    assert.equal((await ledger.charge(chargeOf(pool, 10n, { idempotency: mine }))).kind, "charged");
    assert.deepEqual(await beginIdempotent(db, key, "another's", newIdempotencyOwner(ledger.instanceId)), {
      kind: "running",
    });
    const its = { key: "k", requestHash: "another's", owner: other, response: { ...response, status: 201 } };
    assert.equal((await ledger.charge(chargeOf(pool, 10n, { idempotency: its }))).kind, "charged");
    // Its answer is there for its repetition, and nothing of it for ours.
    const late = await ledger.charge(chargeOf(pool, 10n, { idempotency: mine }));
    assert.deepEqual([late.kind, late.charged], ["charged", 10n]);
    const replay = await beginIdempotent(db, key, "another's", "ins_x/y");
    assert.equal(replay.kind === "done" && replay.response.status, 201);
  });

  test("a ledger that closes leaves nothing held", async () => {
    await ledger.close();
    await assertSound(db, { atRest: true });
  });
});
