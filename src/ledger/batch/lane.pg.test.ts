import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database } from "../database/database.ts";
import { sqlStateOf } from "../database/storage-error.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { adjustPool } from "../pools/adjust.ts";
import { readEntry } from "../pools/entries.ts";
import { grantCredits } from "../pools/grant.ts";
import { refundCharge } from "../refunds/refund.ts";
import { waitForLocks } from "../testing/at-once.ts";
import {
  assertSound,
  chargeOf,
  createPool,
  holdOf,
  LEDGER,
  leaseOf,
  nameKeys,
  readPool,
  releaseOf,
} from "../testing/books.ts";
import { type Fault, LossyDatabase, nextStatements } from "../testing/lossy-database.ts";
import { eachDatabase } from "../testing/test-databases.ts";

/** Batches, and the question what became of one. */
const RUN = /run_plain|run_batch|settle_batch/;
/** Short, so that a test of what happens past the limit takes no seconds. */
const IMPATIENT = { retryForMs: 150, firstPauseMs: 5, longestPauseMs: 20 };

/** Of backends, while they charge. */
const KILLS = 10;

eachDatabase("lane", (openFresh, kind) => {
  let db: Database;
  let lossy: LossyDatabase;
  let ledger: LedgerHandle;

  before(async () => {
    db = await openFresh();
    lossy = new LossyDatabase(db);
    ledger = await openLedger(lossy, LEDGER);
  });
  afterEach(async () => {
    lossy.fault = () => undefined;
    await assertSound(db);
  });

  for (const fault of ["answer lost", "not sent"] as const satisfies Fault[]) {
    test(`every hot verb has one effect and its own result when the connection breaks: ${fault}`, async () => {
      const pool = await createPool(db, 1000n);
      const once = <T>(call: () => Promise<T>): Promise<T> => {
        lossy.faults = 0;
        lossy.fault = nextStatements(RUN, 2, fault);
        return call().finally(() => assert.equal(lossy.faults, 2));
      };
      const lease = await once(() => ledger.lease(leaseOf(pool, 100n)));
      assert.deepEqual([lease.granted, lease.available], [100n, 900n]);
      const charges = await once(() =>
        Promise.all([
          ledger.charge(chargeOf(pool, 10n, { hold: "lease" })),
          ledger.charge(chargeOf(pool, 20n, { hold: "lease" })),
          ledger.charge(chargeOf(pool, 5n, { once: { value: "v", withinSeconds: 60 } })),
        ]),
      );
      assert.deepEqual(
        charges.map(({ kind: how, seq, balance }) => [how, seq, balance]),
        [
          ["charged", 2, 990n],
          ["charged", 3, 970n],
          ["charged", 4, 965n],
        ],
      );
      const hold = await once(() => ledger.hold(holdOf(pool, "h", 50n)));
      assert.equal(hold.kind, "held");
      const settled = await once(() => ledger.charge(chargeOf(pool, 40n, { hold: { id: "h" } })));
      assert.deepEqual([settled.charged, settled.balance], [40n, 925n]);
      const released = await once(() => ledger.release({ pool, hold: "lease", amount: 70n }));
      assert.deepEqual(released, { released: 70n, available: 925n });
      assert.deepEqual(await readPool(db, pool), {
        balance: 925n,
        held: 0n,
        spent: 75n,
        uncollected: 0n,
        lastSeq: 5n,
      });
    });
  }

  test("a batch that arrives after its outcome was settled changes nothing", async () => {
    const pool = await createPool(db, 1000n);
    await ledger.lease(leaseOf(pool, 100n));
    lossy.fault = nextStatements(/run_plain/, 1, "late");
    const plain = await ledger.charge(chargeOf(pool, 10n, { hold: "lease" }));
    lossy.fault = nextStatements(/run_batch/, 1, "late");
    const general = await ledger.charge(chargeOf(pool, 5n));
    assert.deepEqual([plain.balance, general.balance], [990n, 985n]);
    for (const late of await lossy.arrive()) {
      const isRefused = late.status === "rejected" && sqlStateOf(late.reason) === "FB002";
      assert.ok(isRefused, JSON.stringify(late));
    }
    const { balance, spent, lastSeq } = await readPool(db, pool);
    assert.deepEqual([balance, spent, lastSeq], [985n, 15n, 3n]);
    await ledger.release({ pool, hold: "lease", amount: 90n });
  });

  test("verbs of administration repeated after a lost answer have one effect", async () => {
    const pool = await createPool(db, 100n);
    const { seq } = await ledger.charge(chargeOf(pool, 50n));
    const twice = async <T extends { readonly repeated: boolean }>(
      name: string,
      call: () => Promise<T>,
    ): Promise<void> => {
      lossy.fault = nextStatements(new RegExp(name), 1, "answer lost");
      await assert.rejects(call(), { code: "storage_unavailable" });
      assert.equal((await call()).repeated, true);
    };
    await twice("grant_credits", () =>
      grantCredits(lossy, { pool, amount: 7n, source: "topup", reference: "g" }),
    );
    await twice("refund_charge", () =>
      refundCharge(lossy, { pool, seq: seq ?? 0, amount: 20n, reason: "", reference: "r" }),
    );
    await twice("adjust_pool", () => adjustPool(lossy, { pool, amount: -3n, reason: "", reference: "a" }));
    assert.equal((await readPool(db, pool)).balance, 74n);
  });

  test("connections that are cut at random under load lose and double nothing", async () => {
    const pools = await Promise.all(Array.from({ length: 6 }, () => createPool(db, 1_000_000n)));
    let random = 3;
    lossy.faults = 0;
    lossy.fault = (text) => {
      random = (random * 48_271) % 2_147_483_647;
      if (!RUN.test(text) || random % 3 !== 0) return undefined;
      return random % 2 === 0 ? "answer lost" : "not sent";
    };
    const charged = new Map<PoolRef, bigint>();
    await Promise.all(
      Array.from({ length: 8 }, async (_, worker) => {
        // How many batches the charges are in depends on the machine.
        for (let round = 0; round < 15 || lossy.faults <= 5; round += 1) {
          const pool = pools[(worker + round) % pools.length];
          assert.ok(pool);
          const result = await ledger.charge(chargeOf(pool, 3n));
          assert.equal(result.charged, 3n);
          charged.set(pool, (charged.get(pool) ?? 0n) + 3n);
        }
      }),
    );
    for (const pool of pools) assert.equal((await readPool(db, pool)).spent, charged.get(pool) ?? 0n);
  });

  if (kind === "postgres") {
    test("backends that the server kills under load lose and double nothing", async () => {
      const pool = await createPool(db, 1_000_000n);
      const done = new AbortController();
      const nemesis = async (): Promise<void> => {
        for (let kills = 0; kills < KILLS; ) {
          const killed = await db
            .query(
              `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND query ~ 'run_plain|run_batch' AND pid <> pg_backend_pid()`,
            )
            .catch((error: unknown) => {
              // It was given a connection that it had killed just before.
              assert.partialDeepStrictEqual(error, { code: "storage_unavailable" });
              return [];
            });
          kills += killed.length;
          await sleep(15);
        }
        done.abort();
      };
      const killing = nemesis();
      let count = 0n;
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          while (!done.signal.aborted) {
            assert.equal((await ledger.charge(chargeOf(pool, 1n))).charged, 1n);
            count += 1n;
          }
        }),
      );
      await killing;
      assert.equal((await readPool(db, pool)).spent, count);
    });
  }

  test("while the database is away leases and holds are refused soon, and charges wait for it", async () => {
    const pool = await createPool(db, 1000n);
    const limits = { ...IMPATIENT, retryForMs: 60_000, admitForMs: 0 };
    const impatient = await openLedger(lossy, { ...LEDGER, limits });
    let isAway = true;
    lossy.fault = (text) => (isAway && RUN.test(text) ? "not sent" : undefined);
    const charge = impatient.charge(chargeOf(pool, 10n));
    await assert.rejects(impatient.lease(leaseOf(pool, 100n)), { code: "storage_unavailable" });
    // Now the charge is tried again and again, alone: those behind it need not wait for that either.
    await assert.rejects(impatient.lease(leaseOf(pool, 100n)), { code: "storage_unavailable" });
    await assert.rejects(impatient.hold(holdOf(pool, "away", 50n)), { code: "storage_unavailable" });
    isAway = false;
    assert.equal((await charge).charged, 10n);
    assert.equal((await impatient.lease(leaseOf(pool, 100n))).granted, 100n);
    await impatient.close();
    assert.equal((await readPool(db, pool)).held, 0n, "what was granted too late went back");
  });

  /** The next charge meets the fault, and its outcome cannot be asked for until its instance has been replaced. */
  const replacedMeanwhile = async (
    fault: Fault,
    change: (instanceId: string) => object,
  ): Promise<unknown[]> => {
    const pool = await createPool(db, 1000n);
    const limits = { ...LEDGER.limits, firstPauseMs: 1, longestPauseMs: 5 };
    const dying = await openLedger(lossy, { ...LEDGER, limits });
    await dying.charge(chargeOf(pool, 1n));
    await dying.charge(chargeOf(pool, 1n));
    const asked = Promise.withResolvers<void>();
    let isAway = true;
    lossy.fault = (text) => {
      if (!isAway || !RUN.test(text)) return undefined;
      if (!text.includes("settle_batch")) return fault;
      asked.resolve();
      return "not sent";
    };
    const outcome = dying.charge(chargeOf(pool, 10n, change(dying.instanceId))).then(
      ({ charged, seq }) => [charged, seq],
      (error: unknown) => [error instanceof FareboxError && error.code],
    );
    await asked.promise;
    await db.query(
      `SELECT farebox.end_lane($1::smallint, i.instance_no) FROM farebox.lanes i WHERE i.shard = $1 AND i.instance_id = $2`,
      [pool.shard, dying.instanceId],
    );
    assert.equal((await dying.heartbeat()).alive, false);
    await dying.register();
    isAway = false;
    const told = await outcome;
    await dying.close();
    return [...told, (await readPool(db, pool)).spent];
  };

  test("a charge of unknown outcome is made once though its instance was declared dead and replaced meanwhile", async () => {
    assert.deepEqual(await replacedMeanwhile("answer lost", () => ({})), [10n, 4, 12n]);
    assert.deepEqual(await replacedMeanwhile("not sent", () => ({})), [10n, 4, 12n]);
  });

  test("a charge that one instance may make alone is made by it or not at all", async () => {
    const onlyBy = (instanceId: string) => ({ onlyBy: instanceId });
    assert.deepEqual(await replacedMeanwhile("answer lost", onlyBy), [10n, 4, 12n]);
    assert.deepEqual(await replacedMeanwhile("not sent", onlyBy), ["instance_replaced", 2n]);
  });

  if (kind !== "pglite") {
    test("what became of a batch that is being run is known when it has been, and not before", async () => {
      const other = await openLedger(db, LEDGER);
      const of = "l.instance_id = $2 AND l.shard = $1";
      const params = [0, other.instanceId];
      const next = `l.instance_no, l.last_batch + 1`;
      let settling: Promise<unknown> | undefined;
      await db.transaction(async (tx) => {
        await tx.query(
          `SELECT farebox.run_batch($1, ${next}, false, 60, '[]') FROM farebox.lanes l WHERE ${of}`,
          params,
        );
        settling = db.query(
          `SELECT farebox.settle_batch($1, ${next}) AS reply FROM farebox.lanes l WHERE ${of}`,
          params,
        );
        await waitForLocks(db);
      });
      assert.deepEqual(await settling, [{ reply: '{"s":"done","pools":[]}' }]);
      await other.close();
    });
  }

  test("a charge of unknown outcome is answered when the outcome is known, however long that takes", async () => {
    const pool = await createPool(db, 1000n);
    const impatient = await openLedger(lossy, { ...LEDGER, limits: IMPATIENT });
    let isAway = true;
    let isFirst = true;
    lossy.fault = (text) => {
      if (!isAway || !RUN.test(text)) return undefined;
      const fault = isFirst ? "answer lost" : "not sent";
      isFirst = false;
      return fault;
    };
    const charge = impatient.charge(chargeOf(pool, 10n));
    const lease = impatient.lease(leaseOf(pool, 100n));
    // The lease can be told: what it was granted goes back when the outcome is known.
    await assert.rejects(lease, { code: "storage_unavailable" });
    // Meanwhile nobody waits in vain.
    await assert.rejects(impatient.charge(chargeOf(pool, 10n)), { code: "storage_unavailable" });
    await assert.rejects(impatient.lease(leaseOf(pool, 10n)), { code: "storage_unavailable" });
    isAway = false;
    assert.deepEqual(await charge, { kind: "charged", seq: 2, charged: 10n, uncollected: 0n, balance: 990n });
    assert.deepEqual(await impatient.charge(chargeOf(pool, 0n)), {
      kind: "charged",
      seq: null,
      charged: 0n,
      uncollected: 0n,
      balance: 990n,
    });
    assert.equal((await readPool(db, pool)).held, 0n);
    await impatient.close();
  });

  test("a poisoned item fails alone", async () => {
    const pools = await Promise.all(Array.from({ length: 6 }, () => createPool(db, 1000n)));
    const shard = pools[0]?.shard ?? 0;
    const nobody = { accountId: "acc_nobody", creditType: "credits", shard };
    const results = await Promise.allSettled([
      ...pools.map((pool) => ledger.charge(chargeOf({ ...pool }, 1n))),
      ledger.charge(chargeOf(nobody, 1n)),
      ...pools.map((pool) => ledger.hold(holdOf(pool, "h", 5n))),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      [...Array<string>(6).fill("fulfilled"), "rejected", ...Array<string>(6).fill("fulfilled")],
    );
    for (const pool of pools) {
      assert.deepEqual(await readPool(db, pool), {
        balance: 999n,
        held: 5n,
        spent: 1n,
        uncollected: 0n,
        lastSeq: 2n,
      });
      await ledger.release(releaseOf(pool, "h"));
    }
  });

  test("malformed items are refused before they are queued, with the field's name", async () => {
    const pool = await createPool(db, 1000n);
    const bad: [string, Promise<unknown>][] = [
      ["amount", ledger.charge(chargeOf(pool, -1n))],
      ["endpoint", ledger.charge(chargeOf(pool, 1n, { endpoint: "GET /\0" }))],
      ["requestId", ledger.charge(chargeOf(pool, 1n, { requestId: "" }))],
      ["requestId", ledger.charge(chargeOf(pool, 1n, { requestId: "req-1" }))],
      ["units", ledger.charge(chargeOf(pool, 1n, { units: Number.NaN }))],
      ["hold.id", ledger.charge(chargeOf(pool, 1n, { hold: { id: "lease:ins_1" } }))],
      ["need", ledger.lease(leaseOf(pool, 10n ** 20n))],
      ["ttlSeconds", ledger.hold(holdOf(pool, "h", 1n, 0.5))],
      ["pool.shard", ledger.charge(chargeOf({ ...pool, shard: -1 }, 1n))],
    ];
    for (const [field, call] of bad) {
      await assert.rejects(call, (error: { code?: string; detail?: { field?: string } }) => {
        assert.equal(error.code, "ledger_item_invalid");
        assert.equal(error.detail?.field, field);
        return true;
      });
    }
  });

  test("texts with quotes, backslashes, braces and every script arrive as they are", async () => {
    const pool = await createPool(db, 1000n);
    const odd = `GET /{a}/"b"\\c,NULL,{} 日本 🚀 'x' \n`;
    await nameKeys(db, pool, ["NULL", odd]);
    const requestId = randomUUID();
    await ledger.charge(chargeOf(pool, 1n, { endpoint: odd, requestId, keyId: "NULL" }));
    await ledger.charge(chargeOf(pool, 1n, { keyId: odd }));
    await ledger.charge(chargeOf(pool, 1n, { once: { value: odd, withinSeconds: 5 } }));
    assert.equal(await ledger.isRepeat(pool, "GET /v1/ip-lookup", odd), true);
    const first = await readEntry(db, pool, 2);
    assert.deepEqual([first?.endpoint, first?.requestId, first?.keyId], [odd, requestId, "NULL"]);
    assert.equal((await readEntry(db, pool, 3))?.keyId, odd);
  });

  test("a full queue refuses, and those in it are served", async () => {
    const pool = await createPool(db, 1000n);
    const small = await openLedger(db, { ...LEDGER, limits: { queueLength: 5, batchItems: 2 } });
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => small.charge(chargeOf(pool, 1n))),
    );
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 5);
    assert.equal((await readPool(db, pool)).spent, 5n);
    await small.close();
  });

  test("closing waits for what is on its way", async () => {
    const pool = await createPool(db, 1000n);
    const other = await openLedger(db, LEDGER);
    await other.lease(leaseOf(pool, 100n));
    const charges = [1, 2, 3].map(() => other.charge(chargeOf(pool, 1n, { hold: "lease" })));
    await other.close();
    assert.deepEqual(
      (await Promise.all(charges)).map(({ charged }) => charged),
      [1n, 1n, 1n],
    );
    assert.equal((await readPool(db, pool)).held, 0n);
  });

  test("at the end nothing is held", async () => {
    await ledger.close();
    await assertSound(db, { atRest: true });
  });
});
