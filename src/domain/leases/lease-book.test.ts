import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Credits } from "../credits.ts";
import type { Lease } from "./lease.ts";
import { type Enlargement, LeaseBook } from "./lease-book.ts";

describe("trust", () => {
  it("goes on for shards that were heard; the others keep what they had, until they are heard again", () => {
    const book = new LeaseBook({ idleMs: 1_000 });
    book.trustUntil(100);
    const leases = [0, 1].map((shard) => {
      const lease = book.open(`acc_${shard}`, "credits", shard);
      enlarge(book, new PoolModel(1_000n), lease, 100n);
      return lease;
    });
    const usable = (now: number) => leases.map((lease) => book.reserve(lease, 1n, now));
    book.trustUntil(200, [1]);
    assert.deepEqual(usable(99), [true, true]);
    assert.deepEqual(usable(150), [true, false]);
    book.trustUntil(300, [1]);
    assert.deepEqual(usable(150), [true, false], "nothing new is known of it");
    book.trustUntil(400);
    assert.deepEqual(usable(350), [true, true]);
  });
});

const POOL = ["acc_1", "credits", 0] as const;

/** The database's side, as the ledger's SQL decides it. */
class PoolModel {
  available: Credits;
  lease = 0n;
  charged = 0n;
  total: Credits;

  constructor(balance: Credits) {
    this.available = balance;
    this.total = balance;
  }

  giveBack(amount: Credits): void {
    assert.ok(amount >= 0n && amount <= this.lease, "more given back than leased");
    this.lease -= amount;
    this.available += amount;
  }

  enlarge({ need, want, giveBack }: Enlargement) {
    assert.ok(need >= 0n && want >= need && giveBack >= 0n);
    this.giveBack(giveBack);
    const eighth = this.available / 8n;
    const most = want < eighth ? want : eighth;
    const granted = this.available < need ? 0n : need > most ? need : most;
    this.available -= granted;
    this.lease += granted;
    return { granted, available: this.available, nextEventMs: null as number | null };
  }

  charge(amount: Credits): void {
    assert.ok(amount <= this.lease, "charged more than is leased");
    this.lease -= amount;
    this.charged += amount;
  }

  check(): void {
    assert.equal(this.available + this.lease + this.charged, this.total);
  }
}

function openBook(idleMs = 1_000) {
  const book = new LeaseBook({ idleMs });
  book.trustUntil(Number.POSITIVE_INFINITY);
  return book;
}

/** Asks and takes the answer at once. */
function enlarge(book: LeaseBook, pool: PoolModel, lease: Lease, amount: Credits, now = 0, queued = amount) {
  const asked = book.computeEnlargement(lease, amount, queued, now);
  book.beginEnlargement(lease, asked);
  const answer = pool.enlarge(asked);
  book.endEnlargement(lease, answer, now);
  return { ...asked, granted: answer.granted };
}

describe("LeaseBook", () => {
  it("promises nothing that the database did not grant", () => {
    const book = openBook();
    const lease = book.open(...POOL);
    assert.equal(book.reserve(lease, 1n, 0), false);
    enlarge(book, new PoolModel(1_000n), lease, 75n);
    assert.equal(book.reserve(lease, 75n, 0), true);
    assert.equal(book.reserve(lease, 1n, 0), false);
  });

  it("asks for one request where a pool is used now and then, for the recent spend where it is busy", () => {
    const book = openBook();
    const pool = new PoolModel(1_000_000n);
    const lease = book.open(...POOL);
    assert.deepEqual(book.computeEnlargement(lease, 10n, 10n, 0), { need: 10n, want: 10n, giveBack: 0n });
    for (let now = 0; now < 500; now += 5) {
      if (!book.reserve(lease, 10n, now)) {
        enlarge(book, pool, lease, 10n, now);
        assert.ok(book.reserve(lease, 10n, now));
      }
      pool.charge(10n);
      book.settle(lease, 10n, 10n, now);
    }
    const { want } = book.computeEnlargement(lease, 10n, 10n, 500);
    // 2 credits a ms for 500 ms, with a time constant of 500 ms: about 63 % of 1,000 so far.
    assert.ok(want > 500n && want < 800n, `wants ${want}`);
    assert.deepEqual(
      book.computeEnlargement(lease, 10n, 10n, 10_000).need + lease.free,
      book.computeEnlargement(lease, 10n, 10n, 10_000).want + lease.free,
    );
  });

  it("asks for all who wait in one go", () => {
    const book = openBook();
    const pool = new PoolModel(1_000_000n);
    const lease = book.open(...POOL);
    assert.equal(enlarge(book, pool, lease, 75n, 0, 1_500n).granted, 1_500n);
  });

  it("degenerates near the end of a pool to holds of the size needed: 500 serves exactly six of 75", () => {
    const book = openBook();
    const pool = new PoolModel(500n);
    const lease = book.open(...POOL);
    let admitted = 0;
    for (let request = 0; request < 20; request += 1) {
      if (!book.reserve(lease, 75n, 0)) enlarge(book, pool, lease, 75n, 0, 75n * BigInt(20 - request));
      else {
        admitted += 1;
        continue;
      }
      if (book.reserve(lease, 75n, 0)) admitted += 1;
    }
    assert.equal(admitted, 6);
    assert.equal(pool.available, 50n);
  });

  it("stops at the moment at which something is due on the pool, and then gives the free part back first", () => {
    const book = openBook();
    const pool = new PoolModel(1_000n);
    const lease = book.open(...POOL);
    const asked = book.computeEnlargement(lease, 10n, 100n, 5);
    book.beginEnlargement(lease, asked);
    book.endEnlargement(lease, { ...pool.enlarge(asked), nextEventMs: 20 }, 5);
    assert.ok(book.reserve(lease, 10n, 24.9));
    assert.equal(book.reserve(lease, 10n, 25), false);
    assert.deepEqual(book.computeEnlargement(lease, 10n, 10n, 25), { need: 10n, want: 10n, giveBack: 90n });
  });

  it("stops when the instance may have been declared dead", () => {
    const book = openBook();
    const lease = book.open(...POOL);
    enlarge(book, new PoolModel(1_000n), lease, 10n, 0, 100n);
    book.trustUntil(5_000);
    assert.ok(book.reserve(lease, 10n, 4_999));
    assert.equal(book.reserve(lease, 10n, 5_000), false);
    book.trustUntil(6_000);
    assert.ok(book.reserve(lease, 10n, 5_000));
  });

  it("gives back a lease that is idle, and what a recalled one does not need, also what becomes free later", () => {
    const book = openBook();
    const pool = new PoolModel(10_000n);
    const lease = book.open(...POOL);
    enlarge(book, pool, lease, 10n, 0, 100n);
    book.reserve(lease, 30n, 0);
    const recalled: Credits[] = [];
    book.recall("acc_1", "credits", 100, (_lease, amount) => recalled.push(amount));
    assert.deepEqual(recalled, [70n]);
    assert.equal(book.unreserve(lease, 10n, 200), 10n);
    assert.deepEqual(book.computeEnlargement(lease, 5n, 500n, 300), { need: 5n, want: 5n, giveBack: 0n });
    assert.equal(book.unreserve(lease, 10n, 1_200), 0n, "the recall has ended");
    const given: [string, Credits][] = [];
    book.sweepIdle(2_199, (idle, amount) => given.push([idle.accountId, amount]));
    assert.equal(given.length, 0);
    book.sweepIdle(2_200, (idle, amount) => given.push([idle.accountId, amount]));
    assert.deepEqual(given, [["acc_1", 10n]]);
    assert.equal(book.size, 1, "a request is in flight");
    book.settle(lease, 10n, 10n, 2_300);
    book.sweepIdle(3_300, () => assert.fail("nothing is left"));
    assert.equal(book.size, 0);
  });

  it("finds idle leases among 100,000 without looking at the others", () => {
    const book = openBook();
    const pool = new PoolModel(1_000_000_000n);
    for (let account = 0; account < 100_000; account += 1) {
      enlarge(book, pool, book.open(`acc_${account}`, "credits", 0), 10n, account < 3 ? 0 : 900, 10n);
    }
    assert.equal(book.size, 100_000);
    const begun = performance.now();
    for (let tick = 0; tick < 1_000; tick += 1) book.sweepIdle(999, () => assert.fail("none is idle yet"));
    assert.ok(performance.now() - begun < 100, "a sweep with nothing to do costs nothing");
    let swept = 0;
    book.sweepIdle(1_000, () => (swept += 1));
    assert.equal(swept, 3);
    assert.equal(book.size, 99_997);
  });

  it("keeps nothing when the instance was declared dead, and forgets what requests in flight return", () => {
    const book = openBook();
    const lease = book.open(...POOL);
    enlarge(book, new PoolModel(10_000n), lease, 10n, 0, 100n);
    book.reserve(lease, 50n, 0);
    book.dropAll();
    assert.equal(book.size, 0);
    assert.equal(book.unreserve(lease, 20n, 1), 0n);
    assert.equal(book.settle(lease, 30n, 10n, 1), 0n);
    assert.equal(book.reserveAnswered(lease, 1n, 1), false);
    const fresh = book.open(...POOL);
    assert.equal(fresh.granted, 0n);
    // Under its new id nobody has heard of it yet.
    enlarge(book, new PoolModel(10_000n), fresh, 10n, 1);
    assert.equal(book.reserve(fresh, 1n, 1), false);
  });
});

describe("LeaseBook by model", () => {
  interface World {
    readonly book: LeaseBook;
    readonly pools: readonly PoolModel[];
    /** What requests in flight have set aside. */
    requests: { pool: number; lease: Lease; amount: Credits }[];
    /** Sent to the database and not applied yet, in order. */
    sent: (() => void)[];
    now: number;
  }
  const accounts = ["acc_a", "acc_b"];

  function check(world: World): void {
    for (const [index, pool] of world.pools.entries()) {
      pool.check();
      const lease = world.book.find(accounts[index] ?? "", "credits");
      if (lease === undefined) continue;
      const reserved = world.requests
        .filter((request) => request.lease === lease)
        .reduce((sum, request) => sum + request.amount, 0n);
      assert.equal(lease.reserved, reserved, "what is reserved is what requests in flight hold");
      assert.ok(lease.reserved <= lease.granted, "never more reserved than granted");
      assert.ok(lease.granted <= pool.lease, "never more granted than the database holds for it");
      if (world.sent.length === 0) assert.equal(lease.granted, pool.lease, "nothing is lost on the way");
    }
  }

  type Step = (world: World) => void;
  const index = fc.nat(1);
  const amount = fc.bigInt(1n, 200n);
  const release = (world: World, pool: number, credits: Credits): void => {
    if (credits > 0n) world.sent.push(() => world.pools[pool]?.giveBack(credits));
  };
  const leaseOf = (world: World, pool: number): Lease => world.book.open(accounts[pool] ?? "", "credits", 0);
  const steps = fc.oneof(
    fc.tuple(index, amount).map(
      ([pool, credits]): Step =>
        (world) => {
          const lease = leaseOf(world, pool);
          if (lease.waiting === 0 && world.book.reserve(lease, credits, world.now)) {
            world.requests.push({ pool, lease, amount: credits });
          }
        },
    ),
    fc.tuple(index, amount, fc.bigInt(0n, 2_000n)).map(
      ([pool, credits, more]): Step =>
        (world) => {
          const lease = leaseOf(world, pool);
          if (lease.enlarging) return;
          const { now } = world;
          const asked = world.book.computeEnlargement(lease, credits, credits + more, now);
          world.book.beginEnlargement(lease, asked);
          world.sent.push(() => {
            const answer = world.pools[pool]?.enlarge(asked) ?? assert.fail();
            world.book.endEnlargement(lease, { ...answer, nextEventMs: Number(more) }, now);
            if (world.book.reserveAnswered(lease, credits, world.now)) {
              world.requests.push({ pool, lease, amount: credits });
            }
          });
        },
    ),
    fc.tuple(fc.nat(20), fc.bigInt(0n, 200n)).map(
      ([at, credits]): Step =>
        (world) => {
          const [request] = world.requests.splice(at % Math.max(1, world.requests.length), 1);
          if (request === undefined) return;
          const charged = credits < request.amount ? credits : request.amount;
          world.pools[request.pool]?.charge(charged);
          release(world, request.pool, world.book.settle(request.lease, request.amount, charged, world.now));
        },
    ),
    fc.nat(20).map(
      (at): Step =>
        (world) => {
          const [request] = world.requests.splice(at % Math.max(1, world.requests.length), 1);
          if (request === undefined) return;
          release(world, request.pool, world.book.unreserve(request.lease, request.amount, world.now));
        },
    ),
    fc.nat(20).map(
      (at): Step =>
        (world) => {
          const [request] = world.requests.splice(at % Math.max(1, world.requests.length), 1);
          if (request === undefined) return;
          release(world, request.pool, world.book.surrender(request.lease, request.amount, world.now));
        },
    ),
    index.map(
      (pool): Step =>
        (world) => {
          world.book.recall(accounts[pool] ?? "", "credits", world.now, (_lease, credits) =>
            release(world, pool, credits),
          );
        },
    ),
    fc.nat(1_500).map(
      (ms): Step =>
        (world) => {
          world.now += ms;
          world.book.sweepIdle(world.now, (lease, credits) =>
            release(world, accounts.indexOf(lease.accountId), credits),
          );
        },
    ),
    fc.constant<Step>((world) => world.sent.shift()?.()),
    fc.nat(3_000).map(
      (ms): Step =>
        (world) =>
          world.book.trustUntil(world.now + ms),
    ),
  );

  it("never reserves more than it was granted, and loses or invents nothing", () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60, size: "max" }), fc.bigInt(0n, 3_000n), (list, balance) => {
        const book = openBook();
        const pools = accounts.map(() => new PoolModel(balance));
        const world: World = { book, pools, requests: [], sent: [], now: 0 };
        for (const step of list) {
          step(world);
          check(world);
        }
        // At rest nothing is set aside (invariant I8).
        while (world.sent.length > 0) world.sent.shift()?.();
        for (const request of world.requests.splice(0)) {
          release(world, request.pool, book.unreserve(request.lease, request.amount, world.now));
        }
        book.sweepAll((lease, credits) => release(world, accounts.indexOf(lease.accountId), credits));
        while (world.sent.length > 0) world.sent.shift()?.();
        for (const pool of pools) assert.equal(pool.lease, 0n);
        assert.equal(book.size, 0);
      }),
      { numRuns: 1_000 },
    );
  });
});
