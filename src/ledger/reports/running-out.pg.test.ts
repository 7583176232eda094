import assert from "node:assert/strict";
import { before, test } from "node:test";
import { projectPool } from "../../domain/pools/project-pool.ts";
import { setAccountState } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { chargeOf, createPool, LEDGER, placeEntries, rollUsage } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { listRunningOut, type RunningOut } from "./running-out.ts";

const DAY = 86_400_000;

eachDatabase("pools that run out", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  let today: number;
  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    today = Math.floor(Date.now() / DAY) * DAY;
  });

  /** A pool that had `credits` and spent this much on each of the last seven days that are over, as far as there is some. */
  async function used(credits: bigint, daily: readonly bigint[], creditType = "credits"): Promise<PoolRef> {
    const pool = await createPool(db, credits, creditType);
    const at = [new Date(today - 8 * DAY)];
    for (const [index, amount] of daily.entries()) {
      await ledger.charge(chargeOf(pool, amount));
      at.push(new Date(today - (daily.length - index) * DAY + 1));
    }
    await placeEntries(db, pool, at);
    return pool;
  }

  const all = async (days: number, options: Parameters<typeof listRunningOut>[2] = {}, limit = 500) => {
    const found: RunningOut[] = [];
    let cursor: string | undefined;
    do {
      const page = await listRunningOut(db, { days, limit, cursor }, options);
      found.push(...page.items);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    return found.toSorted((one, other) => (one.accountId < other.accountId ? -1 : 1));
  };

  test("are those that the projection says, with their pace, whatever the pages", async () => {
    const week = [7n, 7n, 7n, 7n, 7n, 7n, 7n];
    const soon = await used(49n + 20n, week);
    const later = await used(49n + 100n, week);
    const search = await used(49n + 14n, week, "search");
    const idle = await createPool(db, 5n);
    const expiring = await used(49n, [...week.slice(1), 1n]);
    await grantCredits(db, {
      pool: expiring,
      amount: 1000n,
      source: "promo",
      expiresAt: new Date(Date.now() + 2.5 * DAY),
    });
    const suspended = await used(49n + 1n, week);
    await db.transaction((tx) => setAccountState(tx, suspended.accountId, "suspended"));
    const empty = await used(49n, week);
    await rollUsage(db);
    const found = await all(7);
    const expected = [soon, search, expiring, empty].map(({ accountId }) => accountId).toSorted();
    assert.deepEqual(
      found.map(({ accountId }) => accountId),
      expected,
    );
    const row = found.find(({ accountId }) => accountId === soon.accountId) ?? assert.fail();
    const { runsOutAt, ...facts } = row;
    assert.deepEqual(facts, {
      ...facts,
      name: "test",
      plan: null,
      creditType: "credits",
      balance: 20n,
      pace: 7n,
    });
    const grants = [{ remaining: 20n, expiresAt: undefined }];
    const start = new Date(runsOutAt.getTime() - 3 * DAY);
    assert.deepEqual(projectPool({ grants, recurring: undefined }, 7n, start).runsOutAt, runsOutAt);
    assert.ok(Math.abs(Date.now() - start.getTime()) < DAY);
    const onePoolAtATime = await all(7, { chunk: 1, mostMs: 0 });
    assert.deepEqual(onePoolAtATime.map(strip), found.map(strip));
    assert.deepEqual((await all(7, {}, 1)).map(strip), found.map(strip));
    assert.ok((await all(90)).some(({ accountId }) => accountId === later.accountId));
    assert.ok(!(await all(90)).some(({ accountId }) => accountId === idle.accountId));
    const ofType = await listRunningOut(db, { days: 7, limit: 500, creditType: "search" });
    assert.deepEqual(
      ofType.items.map(({ accountId }) => accountId),
      [search.accountId],
    );
  });

  /** Each page has a now of its own. */
  function strip({ runsOutAt: _at, ...rest }: RunningOut): Omit<RunningOut, "runsOutAt"> {
    return rest;
  }

  test("a cursor of another list is refused", async () => {
    for (const cursor of ["x", "bm9uZQ", Buffer.from("99999.1.1").toString("base64url")]) {
      await assert.rejects(listRunningOut(db, { days: 7, limit: 1, cursor }), { code: "cursor_invalid" });
    }
  });
});
