import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Database } from "../database/database.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { readPriceListSchedule } from "./price-list-schedule.ts";
import {
  cancelPriceList,
  listPriceLists,
  publishPriceList,
  readPriceList,
  readPriceListBefore,
  readPriceListsInForce,
} from "./price-lists.ts";

eachDatabase("price lists", (openFresh) => {
  let db: Database;
  let opening: Promise<Database> | undefined;

  const publish = (hash: string, effectiveAt: Date | null = null) =>
    db.transaction((tx) => publishPriceList(tx, { body: JSON.stringify({ hash }), hash, effectiveAt }));
  const inMs = (ms: number) => new Date(Date.now() + ms);

  beforeEach(async () => {
    opening ??= openFresh();
    db = await opening;
    await db.query("DELETE FROM price_lists");
  });

  test("none is in force before the first is published", async () => {
    assert.deepEqual(await readPriceListsInForce(db), { priceList: null, nextPriceList: null });
  });

  test("a list without a time is in force at once, and can be read back", async () => {
    const published = await publish("a");
    assert.deepEqual({ ...published, effectiveAt: 0 }, { version: 1, effectiveAt: 0, isNew: true });
    assert.deepEqual(await readPriceListsInForce(db), { priceList: 1, nextPriceList: null });
    const list = await readPriceList(db, 1);
    assert.deepEqual(list.body, { hash: "a" });
    assert.equal(list.cancelledAt, null);
  });

  test("the same list as the one in force uses up no version", async () => {
    await publish("a");
    assert.deepEqual(
      { ...(await publish("a")), effectiveAt: 0 },
      { version: 1, effectiveAt: 0, isNew: false },
    );
    assert.equal((await publish("b")).version, 2);
    // Back to the first: that is a change, and the charges between keep their list.
    assert.equal((await publish("a")).version, 3);
    assert.equal((await readPriceListsInForce(db)).priceList, 3);
  });

  test("any number that publish the same file at once publish it once", async () => {
    const results = fulfilled(await atOnce(5, () => publish("same")));
    assert.deepEqual(
      results.map(({ version }) => version),
      [1, 1, 1, 1, 1],
    );
    assert.equal(results.filter(({ isNew }) => isNew).length, 1);
  });

  test("different lists published at once get versions without gaps", async () => {
    const results = fulfilled(await atOnce(5, (index) => publish(`list ${index}`)));
    assert.deepEqual(
      results.map(({ version }) => version).sort((a, b) => a - b),
      [1, 2, 3, 4, 5],
    );
    assert.equal((await readPriceListsInForce(db)).priceList, 5);
  });

  test("an announced list says in how many milliseconds it applies, the soonest first", async () => {
    await publish("now");
    await publish("later", inMs(3_600_000));
    const { version } = await publish("soon", inMs(60_000));
    const { priceList, nextPriceList } = await readPriceListsInForce(db);
    assert.equal(priceList, 1);
    assert.equal(nextPriceList?.version, version);
    assert.ok(nextPriceList.inMs > 50_000 && nextPriceList.inMs <= 60_001, String(nextPriceList.inMs));
  });

  test("an announced list applies from its time on", async () => {
    await publish("now");
    await publish("soon", inMs(60_000));
    await db.query("UPDATE price_lists SET effective_at = clock_timestamp() WHERE version = 2");
    assert.deepEqual(await readPriceListsInForce(db), { priceList: 2, nextPriceList: null });
  });

  test("the file in force is not published again because another one is announced", async () => {
    await publish("now");
    await publish("soon", inMs(60_000));
    assert.equal((await publish("now")).isNew, false);
    // Announcing the same as what will be in force then is no change either.
    assert.deepEqual((await publish("soon", inMs(120_000))).version, 2);
  });

  test("a time in the past is refused", async () => {
    await assert.rejects(publish("a", inMs(-1000)), { code: "price_list_effective_past" });
    assert.deepEqual(await listPriceLists(db, { limit: 10 }), []);
  });

  test("an announced list can be cancelled, once, by any number at once", async () => {
    await publish("now");
    await publish("soon", inMs(60_000));
    const results = fulfilled(await atOnce(3, () => cancelPriceList(db, 2)));
    assert.equal(results.length, 3);
    assert.equal(new Set(results.map(({ cancelledAt }) => cancelledAt?.getTime())).size, 1);
    assert.deepEqual(await readPriceListsInForce(db), { priceList: 1, nextPriceList: null });
  });

  test("a list that has taken effect, does so before every instance can hear of it, or never existed, cannot be cancelled", async () => {
    await publish("now");
    await publish("in a moment", inMs(4_000));
    await assert.rejects(cancelPriceList(db, 2), { code: "price_list_in_force" });
    await assert.rejects(cancelPriceList(db, 1), { code: "price_list_in_force" });
    await assert.rejects(cancelPriceList(db, 7), { code: "price_list_unknown" });
    await assert.rejects(readPriceList(db, 7), { code: "price_list_unknown", detail: { version: 7 } });
  });

  test("the schedule has the list in force and the announced ones that will apply, the soonest first", async () => {
    const { inForce: none, announced: nothing } = await readPriceListSchedule(db);
    assert.deepEqual([none, nothing], [undefined, []]);
    await publish("past");
    await publish("now");
    const at = inMs(120_000);
    await publish("twice at one moment", at);
    await publish("the one that will apply then", at);
    await publish("soon", inMs(60_000));
    await publish("cancelled", inMs(30_000));
    await cancelPriceList(db, 6);
    const { inForce, announced } = await readPriceListSchedule(db);
    assert.partialDeepStrictEqual(inForce, await readPriceList(db, 2));
    assert.equal(announced.length, 2);
    assert.partialDeepStrictEqual(announced, [await readPriceList(db, 5), await readPriceList(db, 4)]);
  });

  test("the list before another one is the one that it replaces in time", async () => {
    await publish("a");
    await publish("later", inMs(120_000));
    await publish("soon", inMs(60_000));
    await publish("cancelled", inMs(90_000));
    await cancelPriceList(db, 4);
    await publish("b");
    const before = async (version: number) => (await readPriceListBefore(db, version))?.version;
    assert.deepEqual(
      [await before(1), await before(5), await before(3), await before(2), await before(4)],
      [undefined, 1, 5, 3, 3],
    );
    await assert.rejects(readPriceListBefore(db, 9), { code: "price_list_unknown" });
  });

  test("lists are listed newest first, over pages", async () => {
    for (const hash of ["a", "b", "c"]) await publish(hash);
    const first = await listPriceLists(db, { limit: 2 });
    const second = await listPriceLists(db, { limit: 2, before: first.at(-1)?.version });
    assert.deepEqual(
      [...first, ...second].map(({ version, hash }) => [version, hash]),
      [
        [3, "c"],
        [2, "b"],
        [1, "a"],
      ],
    );
  });
});
