import assert from "node:assert/strict";
import { before, test } from "node:test";
import { createAccount, setAccountState } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import { findKey } from "../keys/keys.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { addKey } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import {
  cancelAccountPrices,
  listAccountPriceLists,
  type NewAccountPrices,
  publishAccountPrices,
  readAccountSchedule,
} from "./account-price-lists.ts";
import { readAccountPricing } from "./account-pricing.ts";
import { readPriceListSchedule } from "./price-list-schedule.ts";
import {
  cancelPriceList,
  listPriceLists,
  publishPriceList,
  readPriceList,
  readPriceListsInForce,
  readSharedPriceList,
} from "./price-lists.ts";

const BODY = JSON.stringify({
  language: 2,
  prices: [{ match: "GET /x", cost: 1, credit: "credits" }],
  unpriced: "free",
});

eachDatabase("price lists of accounts", (openFresh) => {
  let db: Database;
  before(async () => {
    db = await openFresh();
  });
  let accounts = 0;
  const newAccount = async (): Promise<string> => {
    accounts += 1;
    const accountId = `acc_${accounts}`;
    await createAccount(db, { accountId, name: "n", shards: 1 });
    return accountId;
  };
  const publish = (accountId: string, more: Partial<NewAccountPrices> = {}) =>
    db.transaction((tx) =>
      publishAccountPrices(tx, { accountId, body: BODY, hash: "h", effectiveAt: null, until: null, ...more }),
    );
  const cancel = (accountId: string, version: number) =>
    db.transaction((tx) => cancelAccountPrices(tx, accountId, version));
  const inMs = (ms: number) => new Date(Date.now() + ms);
  const ownOf = async (accountId: string) => (await readAccountPricing(db, accountId)).own?.version;
  const DAY = 86_400_000;

  test("they are the account's alone: everybody's lists, and what applies to others, know nothing of them", async () => {
    const [one, other] = [await newAccount(), await newAccount()];
    const general = await db.transaction((tx) =>
      publishPriceList(tx, { body: BODY, hash: "a", effectiveAt: null }),
    );
    const own = await publish(one);
    const later = await publish(one, { effectiveAt: inMs(DAY) });
    assert.deepEqual(
      [own.state, later.state, own.until, own.cancelledAt],
      ["in_force", "announced", null, null],
    );
    assert.deepEqual(await readPriceListsInForce(db), { priceList: general.version, nextPriceList: null });
    const schedule = await readPriceListSchedule(db);
    assert.deepEqual([schedule.inForce?.version, schedule.announced], [general.version, []]);
    assert.deepEqual(
      (await listPriceLists(db, { limit: 10 })).map(({ version }) => version),
      [general.version],
    );
    for (const asked of [cancelPriceList, readSharedPriceList])
      await assert.rejects(asked(db, own.version), { code: "price_list_unknown" });
    await assert.rejects(cancel(other, own.version), { code: "price_list_unknown" });
    assert.deepEqual([await ownOf(one), await ownOf(other)], [own.version, undefined]);
    // A charge names it, and it is found by that.
    assert.equal((await readPriceList(db, own.version)).accountId, one);
    // Everybody's next list has the next number.
    const next = await db.transaction((tx) =>
      publishPriceList(tx, { body: BODY, hash: "b", effectiveAt: null }),
    );
    assert.equal(next.version, later.version + 1);
  });

  test("of several the one applies that took effect last; where it ends the one before it does", async () => {
    const account = await newAccount();
    const forGood = await publish(account);
    const promotion = await publish(account, { until: inMs(DAY) });
    const states = async () =>
      (await listAccountPriceLists(db, account, { limit: 10 })).map(({ version, state }) => [version, state]);
    assert.deepEqual(await states(), [
      [promotion.version, "in_force"],
      [forGood.version, "replaced"],
    ]);
    assert.equal(await ownOf(account), promotion.version);
    await db.exec(
      `UPDATE farebox.price_lists SET effective_at = now() - interval '2 s', until_at = now() - interval '1 s' WHERE version = ${promotion.version}`,
    );
    assert.deepEqual(await states(), [
      [promotion.version, "past"],
      [forGood.version, "in_force"],
    ]);
    assert.equal(await ownOf(account), forGood.version);
    // One that is over stays as it is.
    assert.equal((await cancel(account, promotion.version)).state, "past");
    assert.equal((await cancel(account, forGood.version)).state, "cancelled");
    assert.equal((await cancel(account, forGood.version)).state, "cancelled");
    assert.equal(await ownOf(account), undefined);
    assert.deepEqual(await readAccountSchedule(db, account), []);
  });

  test("its keys are told of a change, and until when what they are told holds", async () => {
    const account = await newAccount();
    const { hashHex } = await addKey(db, { accountId: account });
    const read = async () => {
      const [row] = await db.query<{ at: Date }>(
        "SELECT changed_at AS at FROM farebox.keys WHERE account_id = $1",
        [account],
      );
      const key = await findKey(db, hashHex);
      return { changedAt: row?.at.getTime() ?? 0, list: key?.priceList, inMs: key?.changesInMs };
    };
    const start = await read();
    assert.deepEqual([start.list, start.inMs], [null, null]);
    const own = await publish(account, { until: inMs(3 * DAY) });
    const withOwn = await read();
    assert.ok(withOwn.changedAt > start.changedAt);
    assert.equal(withOwn.list, own.version);
    assert.ok(withOwn.inMs && withOwn.inMs > 2 * DAY && withOwn.inMs <= 3 * DAY);
    const announced = await publish(account, { effectiveAt: inMs(DAY) });
    const soon = await read();
    assert.equal(soon.list, own.version);
    assert.ok(soon.inMs && soon.inMs <= DAY);
    await cancel(account, announced.version);
    await cancel(account, own.version);
    const end = await read();
    assert.ok(end.changedAt > soon.changedAt);
    assert.deepEqual([end.list, end.inMs], [null, null]);
  });

  test("what cannot be is refused, and many at once have numbers of their own", async () => {
    const account = await newAccount();
    for (const [more, code] of [
      [{ effectiveAt: inMs(-DAY) }, "price_list_effective_past"],
      [{ until: inMs(-DAY) }, "price_list_never_applies"],
      [{ effectiveAt: inMs(2 * DAY), until: inMs(DAY) }, "price_list_never_applies"],
      [{ accountId: "acc_none" }, "account_unknown"],
    ] as const)
      await assert.rejects(publish(account, more), { code });
    const lists = fulfilled(await atOnce(5, () => publish(account)));
    assert.equal(new Set(lists.map(({ version }) => version)).size, 5);
    await db.transaction((tx) => setAccountState(tx, account, "closed"));
    await assert.rejects(publish(account), { code: "account_closed" });
  });
});
