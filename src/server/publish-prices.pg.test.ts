import assert from "node:assert/strict";
import { before, test } from "node:test";
import { parseConfig } from "../config/load-config.ts";
import type { Database } from "../ledger/database/database.ts";
import { publishPriceList, readPriceListsInForce } from "../ledger/price-lists/price-lists.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import { createLogger } from "../telemetry/logger.ts";
import { publishPrices } from "./publish-prices.ts";

eachDatabase("what a start says of the file's prices", (openFresh) => {
  let database: Database;
  before(async () => {
    database = await openFresh();
  });

  /** The lines that a start with this cost logs, without time and level. */
  async function start(cost: number): Promise<Record<string, unknown>[]> {
    const lines: string[] = [];
    const logger = createLogger({ level: "info", format: "json", write: (line) => lines.push(line) });
    const text = `upstream: http://127.0.0.1:9\nprices: [{ match: GET /x, cost: ${cost} }]`;
    await publishPrices(database, parseConfig("farebox.yaml", text, {}), logger);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  test("the first list, silence for the same, the difference for another one", async () => {
    assert.partialDeepStrictEqual(await start(1), [{ version: 1, prices: 1 }]);
    assert.deepEqual(await start(1), []);
    assert.partialDeepStrictEqual(await start(2), [
      {
        version: 2,
        before: 1,
        added: [],
        removed: [],
        changed: [{ endpoint: "GET /x", members: [{ member: "cost", from: 1, to: 2 }] }],
      },
    ]);
  });

  test("an announced list that will replace the file's prices is named, and stays", async () => {
    const body = `{"prices":[{"match":"GET /x","cost":50,"credit":"credits"}],"unpriced":"free"}`;
    const effectiveAt = new Date(Date.now() + 3_600_000);
    await database.transaction((tx) => publishPriceList(tx, { body, hash: "announced", effectiveAt }));
    const [published, warning, ...rest] = await start(3);
    assert.equal(published?.["version"], 4);
    assert.partialDeepStrictEqual(warning, { announced: 3, effectiveAt: effectiveAt.toISOString() });
    assert.match(String(warning?.["msg"]), /announced price list 3 .*farebox prices cancel 3/);
    assert.deepEqual(rest, []);
    assert.deepEqual((await readPriceListsInForce(database)).nextPriceList?.version, 3);
  });

  test("a restart with the old file says what customers pay instead, and changes nothing", async () => {
    await database.query("UPDATE price_lists SET effective_at = clock_timestamp() WHERE version = 3");
    const lines = await start(3);
    assert.partialDeepStrictEqual(lines, [
      { version: 4, inForce: 3, changed: [{ members: [{ member: "cost", from: 3, to: 50 }] }] },
    ]);
    assert.match(String(lines[0]?.["msg"]), /older list/);
    assert.equal((await readPriceListsInForce(database)).priceList, 3);
  });
});
