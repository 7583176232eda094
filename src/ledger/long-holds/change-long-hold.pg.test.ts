import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { afterEach, before, test } from "node:test";
import { FareboxError } from "../../domain/farebox-error.ts";
import { formatUuidV7 } from "../../domain/ids.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { createLongHoldSteps, type ExpiredHold } from "../sweep/long-hold-steps.ts";
import { atOnce, fulfilled, refusedCodes } from "../testing/at-once.ts";
import {
  addKey,
  assertSound,
  chargeOf,
  createPool,
  LEDGER,
  letTimePass,
  readPool,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { extendLongHold, releaseLongHold } from "./change-long-hold.ts";
import type { LongSettled } from "./long-hold.ts";
import { LongHoldRows } from "./long-hold-rows.ts";

const CONTENT = createHash("sha256").update("a job").digest("hex");
const HOUR_MS = 3_600_000;

interface Job {
  readonly pool: PoolRef;
  readonly keyId: string;
  readonly requestId: string;
}

eachDatabase("long holds that are changed by hand", (openFresh) => {
  let db: Database;
  let rows: LongHoldRows;
  before(async () => {
    db = await openFresh();
    rows = new LongHoldRows(db);
  });
  afterEach(() => assertSound(db));

  /** Holds 60 of 100 for an hour. */
  async function open(): Promise<Job> {
    const pool = await createPool(db, 100n);
    const { keyId } = await addKey(db, pool);
    const requestId = formatUuidV7(Date.now(), randomBytes(10));
    const opened = await rows.open({
      pool,
      keyId,
      endpoint: "POST /jobs",
      requestId,
      callerId: requestId,
      content: CONTENT,
      token: "fbh_text",
      amount: 60n,
      units: 60,
      most: undefined,
      ttlSeconds: 3_600,
    });
    assert.equal(opened.kind, "held");
    return { pool, keyId, requestId };
  }

  const settle = ({ pool, keyId, requestId }: Job, part: string | undefined): Promise<LongSettled> =>
    rows.settle({
      pool,
      requestId,
      part,
      content: CONTENT,
      isWhole: false,
      charge: { keyId, endpoint: "POST /jobs", amount: 10n, units: 10, status: 200, priceList: 1 },
    });
  const release = ({ pool, requestId }: Job) => db.transaction((tx) => releaseLongHold(tx, pool, requestId));
  const extend = ({ pool, requestId }: Job, seconds: number) =>
    db.transaction((tx) => extendLongHold(tx, pool, requestId, seconds));
  const state = async ({ pool }: Job): Promise<readonly [bigint, bigint]> => {
    const { balance, held } = await readPool(db, pool);
    return [balance, held];
  };
  const refused = (code: string) => (error: unknown) => error instanceof FareboxError && error.code === code;

  /** What the sweep tells of jobs. */
  async function told(jobs: readonly Job[]): Promise<readonly Pick<ExpiredHold, "charged" | "parts">[]> {
    const heard: ExpiredHold[] = [];
    const step = createLongHoldSteps(db, (hold) => heard.push(hold)).find(
      ({ name }) => name === "expired holds",
    );
    const all = [0, 1, 2, 3];
    await step?.run({ all, with: () => all }, true);
    return jobs.flatMap(({ requestId }) =>
      heard.filter((hold) => hold.requestId === requestId).map(({ charged, parts }) => ({ charged, parts })),
    );
  }

  test("one that is released by hand frees the rest once, keeps its parts, and is not settled any more", async () => {
    const job = await open();
    await settle(job, "a");
    const first = await release(job);
    assert.deepEqual(
      [first.freed, first.hold.state, first.hold.held, first.hold.charged],
      [50n, "released", 0n, 10n],
    );
    assert.deepEqual(await state(job), [90n, 0n]);
    const again = await release(job);
    assert.deepEqual([again.freed, again.hold.state], [0n, "released"]);
    assert.equal((await settle(job, undefined)).kind, "released");
    assert.equal((await settle(job, "a")).kind, "told", "what was settled before is told again");
    await assert.rejects(extend(job, 60), refused("hold_released"));
    assert.deepEqual(await state(job), [90n, 0n]);
    assert.deepEqual(await told([job]), []);
  });

  test("released and settled to its end at once, one of the two happens, and the other is told so", async () => {
    for (let round = 0; round < 6; round += 1) {
      const job = await open();
      const work: (() => Promise<unknown>)[] = [
        () => settle(job, undefined),
        () => release(job),
        () => release(job),
      ];
      const results = await Promise.allSettled(
        (round % 2 === 0 ? work : work.toReversed()).map((run) => run()),
      );
      const freed = fulfilled(results).flatMap((result) =>
        typeof result === "object" && result !== null && "freed" in result ? [result.freed] : [],
      );
      const [row] = await db.query<{ state: string }>(
        "SELECT state FROM farebox.long_holds WHERE request = $1::uuid",
        [job.requestId],
      );
      if (row?.state === "settled") {
        assert.deepEqual(await state(job), [90n, 0n]);
        assert.deepEqual([freed, refusedCodes(results)], [[], ["hold_settled", "hold_settled"]]);
      } else {
        assert.equal(row?.state, "released");
        assert.deepEqual(await state(job), [100n, 0n]);
        assert.deepEqual(
          freed.map(Number).toSorted((a, b) => a - b),
          [0, 60],
        );
        assert.equal((await settle(job, undefined)).kind, "released");
      }
    }
  });

  test("released while parts are settled, each part is charged or told that the hold was released", async () => {
    const job = await open();
    const parts = ["a", "b", "c"];
    const [settled, { freed }] = await Promise.all([
      Promise.all(parts.map((part) => settle(job, part))),
      release(job),
    ]);
    const charged = settled.filter(({ kind }) => kind === "told").length;
    assert.deepEqual(settled.map(({ kind }) => kind).toSorted(), [
      ...parts.slice(charged).map(() => "released"),
      ...parts.slice(0, charged).map(() => "told"),
    ]);
    assert.equal(freed, 60n - BigInt(charged) * 10n);
    assert.deepEqual(await state(job), [100n - BigInt(charged) * 10n, 0n]);
  });

  test("extended by hand, it outlives its time; what is over is not", async () => {
    const job = await open();
    const { expiresAt } = await extend(job, 7_200);
    await letTimePass(db, job.pool, HOUR_MS + 1);
    assert.deepEqual(await state(job), [100n, 60n]);
    const [row] = await db.query<{ at: Date }>(
      "SELECT expires_at + interval '3600001 ms' AS at FROM farebox.long_holds WHERE request = $1::uuid",
      [job.requestId],
    );
    assert.equal(row?.at.getTime(), expiresAt.getTime());
    await letTimePass(db, job.pool, HOUR_MS);
    await assert.rejects(extend(job, 60), refused("hold_expired"));
    await settle(job, undefined);
    await assert.rejects(extend(job, 60), refused("hold_settled"));
    await assert.rejects(release(job), refused("hold_settled"));
  });

  test("given less time than it had, it ends as much earlier, when a request looks", async () => {
    const job = await open();
    await extend(job, 60);
    await letTimePass(db, job.pool, 61_000);
    const ledger = await openLedger(db, LEDGER);
    assert.equal((await ledger.charge(chargeOf(job.pool, 100n))).charged, 100n);
    await ledger.close();
    assert.deepEqual(await state(job), [0n, 0n]);
  });

  test("one of another account, and none at all, are unknown alike", async () => {
    const job = await open();
    const { pool } = await open();
    await assert.rejects(release({ ...job, pool }), refused("hold_unknown"));
    await assert.rejects(extend({ ...job, pool }, 60), refused("hold_unknown"));
    await assert.rejects(release({ ...job, requestId: "no id" }), refused("hold_unknown"));
    assert.deepEqual(await state(job), [100n, 60n]);
  });

  test("one that is ended after its time, before anybody looked, had expired all the same: that is told once", async () => {
    const [settled, released, parted] = [await open(), await open(), await open()];
    for (const job of [settled, released, parted]) await letTimePass(db, job.pool, HOUR_MS + 1);
    await settle(settled, undefined);
    await release(released);
    await release(released);
    await settle(parted, "late");
    const jobs = [settled, released, parted];
    assert.deepEqual(await told(jobs), [
      { charged: 10n, parts: 1 },
      { charged: 0n, parts: 0 },
      { charged: 10n, parts: 1 },
    ]);
    assert.deepEqual(await told(jobs), []);
    await settle(parted, undefined);
    assert.deepEqual(await told(jobs), [], "it was told before it was ended");
    const [row] = await db.query<{ untold: bigint }>(
      "SELECT count(*) AS untold FROM farebox.long_holds WHERE untold OR (state = 'open' AND expires_at <= clock_timestamp())",
    );
    assert.equal(row?.untold, 0n);
  });

  test("repeated at once by many hands, it is one release", async () => {
    const job = await open();
    const results = fulfilled(await atOnce(4, () => release(job)));
    assert.deepEqual(
      results.map(({ freed }) => Number(freed)).toSorted((a, b) => a - b),
      [0, 0, 0, 60],
    );
  });
});
