import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PriceLists } from "./price-lists.ts";
import { LISTS } from "./testing/open-fake-meter.ts";

function open() {
  const reads: number[] = [];
  const lists = new PriceLists({
    readPriceList(version) {
      reads.push(version);
      return Promise.resolve(LISTS.get(version) ?? assert.fail());
    },
  });
  return { lists, reads, versionAt: (now: number) => lists.current(now)?.list.version };
}

describe("PriceLists", () => {
  it("knows none before the first heartbeat, and none while nothing is published", async () => {
    const { lists, versionAt } = open();
    assert.equal(versionAt(0), undefined);
    await lists.observe({ priceList: null, nextPriceList: null }, 0);
    assert.equal(versionAt(0), undefined);
  });

  it("switches at the announced moment without a query, and reads each list once", async () => {
    const { lists, reads, versionAt } = open();
    await lists.observe({ priceList: 1, nextPriceList: { version: 2, inMs: 100 } }, 1_000);
    await lists.observe({ priceList: 1, nextPriceList: { version: 2, inMs: 50 } }, 1_050);
    assert.deepEqual([versionAt(1_099), versionAt(1_100)], [1, 2]);
    assert.deepEqual(reads, [1, 2]);
  });

  it("takes the earliest of several readings, and follows a database whose clock was set", async () => {
    const { lists, versionAt } = open();
    await lists.observe({ priceList: 1, nextPriceList: { version: 2, inMs: 5_000 } }, 1_000);
    await lists.observe({ priceList: 1, nextPriceList: { version: 2, inMs: 4_900 } }, 1_180);
    assert.deepEqual([versionAt(5_999), versionAt(1_200)], [1, 1]);
    await lists.observe({ priceList: 1, nextPriceList: { version: 2, inMs: 60_000 } }, 1_400);
    assert.deepEqual([versionAt(6_000), versionAt(61_399), versionAt(61_400)], [1, 1, 2]);
  });

  it("is not undone by an answer from just before the switch", async () => {
    const { lists, versionAt } = open();
    await lists.observe({ priceList: 1, nextPriceList: { version: 2, inMs: 100 } }, 0);
    assert.equal(versionAt(100), 2);
    await lists.observe({ priceList: 1, nextPriceList: { version: 2, inMs: 3 } }, 105);
    assert.equal(versionAt(106), 2);
    await lists.observe({ priceList: 2, nextPriceList: null }, 355);
    assert.equal(versionAt(356), 2);
  });

  it("has none rather than an old one while the list in force cannot be read", async () => {
    const lists = new PriceLists({
      readPriceList: (version) =>
        version === 1 ? Promise.resolve(LISTS.get(1) ?? assert.fail()) : Promise.reject(new Error("down")),
    });
    await lists.observe({ priceList: 1, nextPriceList: null }, 0);
    await assert.rejects(
      lists.observe({ priceList: 1, nextPriceList: { version: 2, inMs: 100 } }, 0),
      /down/,
    );
    assert.equal(lists.current(99)?.list.version, 1);
    assert.equal(lists.current(100), undefined);
  });
});
