import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { parseConfig } from "../config/load-config.ts";
import type { Database } from "../ledger/database/database.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import { createLogger } from "../telemetry/logger.ts";
import type { PlanWatch } from "./plan-watch.ts";
import { publishFilePlans } from "./publish-plans.ts";

/** An instance with a file of its own, and what it has logged. */
interface Started {
  readonly watch: PlanWatch;
  readonly lines: Record<string, unknown>[];
}

eachDatabase("what a start says of the file's plans", (openFresh) => {
  let database: Database;
  beforeEach(async () => {
    database = await openFresh();
  });

  async function start(plans: string): Promise<Started> {
    const lines: Record<string, unknown>[] = [];
    const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
    const logger = createLogger({ level: "info", format: "json", write });
    const text = `upstream: http://127.0.0.1:9\nplans: ${plans}`;
    const config = parseConfig("farebox.yaml", text, {});
    return { watch: await publishFilePlans(database, config.plans, logger), lines };
  }

  const SMALL = "{ a: { recurring: { credits: 1.5, every: day } }, b: {} }";
  const LARGE = "{ a: { recurring: { credits: 2, every: day }, caps: { day: 1 } }, b: {} }";

  test("new ones, silence for the same, both contents of a changed one", async () => {
    assert.partialDeepStrictEqual((await start(SMALL)).lines, [{ plans: ["a", "b"] }]);
    assert.deepEqual((await start(SMALL)).lines, []);
    const [line, ...others] = (await start(LARGE)).lines;
    assert.deepEqual(others, []);
    assert.partialDeepStrictEqual(line, { level: "warn", plan: "a", version: 2 });
    assert.match(String(line?.["before"]), /"amount":1.5,.*"caps":\[\]/);
    assert.match(String(line?.["after"]), /"amount":2,.*"caps":\[\{"creditType":"credits","day":1,/);
  });

  test("instances with different files do not change plans in turn without a word", async () => {
    const small = await start(SMALL);
    await small.watch.check(database);
    const large = await start(LARGE);
    for (let sweep = 0; sweep < 3; sweep += 1) {
      await small.watch.check(database);
      await large.watch.check(database);
    }
    const told = small.lines.slice(1);
    assert.equal(told.length, 1, "once for each version");
    assert.partialDeepStrictEqual(told, [{ level: "warn", plan: "a", version: 2 }]);
    const again = await start(SMALL);
    await large.watch.check(database);
    assert.partialDeepStrictEqual(again.lines, [{ level: "warn", plan: "a", version: 3 }]);
    assert.partialDeepStrictEqual(large.lines.at(-1), { level: "warn", plan: "a", version: 3 });
  });
});
