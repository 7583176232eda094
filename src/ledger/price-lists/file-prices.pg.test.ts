import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { beforeEach, test } from "node:test";
import { parsePrices } from "../../domain/prices/parse-prices.ts";
import { priceListText } from "../../domain/prices/price-list-json.ts";
import type { Database } from "../database/database.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { publishFilePrices } from "./file-prices.ts";
import { readPriceListSchedule } from "./price-list-schedule.ts";
import { cancelPriceList, publishPriceList, readPriceListsInForce } from "./price-lists.ts";

eachDatabase("prices of the configuration's file", (openFresh) => {
  let db: Database;
  let opening: Promise<Database> | undefined;

  const listOf = (hash: string) => ({ body: JSON.stringify({ hash }), hash });
  /** An instance starts with this file. */
  const start = (hash: string) => db.transaction((tx) => publishFilePrices(tx, listOf(hash)));
  const publish = (hash: string, effectiveAt: Date | null = null) =>
    db.transaction((tx) => publishPriceList(tx, { ...listOf(hash), effectiveAt }));
  const inForce = async () => (await readPriceListsInForce(db)).priceList;
  const later = () => new Date(Date.now() + 3_600_000);
  const takeEffect = (version: number) =>
    db.query("UPDATE price_lists SET effective_at = clock_timestamp() WHERE version = $1", [version]);

  beforeEach(async () => {
    opening ??= openFresh();
    db = await opening;
    await db.query("DELETE FROM price_lists");
  });

  test("the first file is published, the same again is in force, another one replaces it, and back", async () => {
    assert.deepEqual(await start("a"), { kind: "published", version: 1, replaced: null, announced: [] });
    assert.deepEqual(await start("a"), { kind: "in_force", version: 1 });
    const second = await start("b");
    assert.ok(second.kind === "published" && second.version === 2 && second.replaced?.version === 1);
    assert.equal((await start("a")).kind, "published");
    assert.equal(await inForce(), 3);
  });

  test("a restart with the old file does not undo an announced list that has taken effect", async () => {
    await start("a");
    await publish("b", later());
    assert.deepEqual(await start("a"), { kind: "in_force", version: 1 });
    await takeEffect(2);
    const restarted = await start("a");
    assert.ok(restarted.kind === "outdated", restarted.kind);
    assert.deepEqual([restarted.version, restarted.inForce.version], [1, 2]);
    assert.equal(await inForce(), 2);
  });

  test("nor one that was published at once", async () => {
    await start("a");
    await publish("b");
    assert.equal((await start("a")).kind, "outdated");
    assert.equal(await inForce(), 2);
  });

  test("a file that was changed since the last start is published, also back to what it was", async () => {
    await start("a");
    await publish("b");
    assert.equal((await start("b")).kind, "in_force");
    assert.equal((await start("a")).kind, "published");
    assert.equal(await inForce(), 3);
  });

  test("a file that has the announced prices waits for their time", async () => {
    await start("a");
    const { effectiveAt } = await publish("b", later());
    const early = await start("b");
    assert.ok(early.kind === "announced", early.kind);
    assert.deepEqual([early.version, early.effectiveAt, early.inForce.version], [2, effectiveAt, 1]);
    assert.equal(await inForce(), 1);
    await takeEffect(2);
    assert.deepEqual(await start("b"), { kind: "in_force", version: 2 });
  });

  test("and does not bring them back when they were cancelled", async () => {
    await start("a");
    await publish("b", later());
    await start("b");
    await cancelPriceList(db, 2);
    assert.equal((await start("b")).kind, "outdated");
    assert.equal(await inForce(), 1);
  });

  test("a changed file applies at once, names the announced lists that will replace it, and leaves them", async () => {
    await start("a");
    await publish("later", new Date(Date.now() + 7_200_000));
    await publish("soon", later());
    const published = await start("c");
    assert.ok(published.kind === "published");
    assert.deepEqual(
      published.announced.map(({ version }) => version),
      [3, 2],
    );
    const schedule = await readPriceListSchedule(db);
    assert.equal(schedule.inForce?.version, 4);
    assert.deepEqual(
      schedule.announced.map(({ version }) => version),
      [3, 2],
    );
  });

  test("any number that start at once with one changed file publish it once", async () => {
    await start("a");
    const results = fulfilled(await atOnce(5, () => start("b")));
    assert.deepEqual(results.map(({ kind }) => kind).toSorted(), [
      ...Array.from({ length: 4 }, () => "in_force"),
      "published",
    ]);
    assert.equal(await inForce(), 2);
  });

  test("a list that an earlier version stored in other words is the file's: an update publishes nothing", async () => {
    const price = {
      match: "GET /a",
      cost: 1,
      credit: "credits",
      per: "result",
      count: { body: "" },
      atMost: 5,
    };
    const old = { prices: [{ ...price, floor: 2, on: "success", detached: "finish" }], unpriced: "free" };
    await db.transaction((tx) => publishFilePrices(tx, { body: JSON.stringify(old), hash: "of old" }));
    const today = (uncounted: number) => {
      const parsed = parsePrices([{ ...price, uncounted }], "prices", { creditTypes: ["credits"] });
      assert.ok(parsed.ok);
      const body = priceListText({ prices: parsed.value, unpriced: "free" });
      return { body, hash: createHash("sha256").update(body).digest("hex") };
    };
    assert.deepEqual(await db.transaction((tx) => publishFilePrices(tx, today(2))), {
      kind: "in_force",
      version: 1,
    });
    const again = await db.transaction((tx) => publishPriceList(tx, { ...today(2), effectiveAt: null }));
    assert.deepEqual([again.version, again.isNew], [1, false]);
    assert.equal((await db.transaction((tx) => publishFilePrices(tx, today(3)))).kind, "published");
  });

  test("without a list in force an announced one does not keep the file from being published", async () => {
    await publish("a", later());
    const started = await start("a");
    assert.ok(started.kind === "published");
    assert.equal(await inForce(), started.version);
  });
});
