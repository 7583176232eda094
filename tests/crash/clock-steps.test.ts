import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pages } from "../../src/client/pages.ts";
import { startPostgres } from "../../src/ledger/testing/postgres-server.ts";
import type { FareboxInstance } from "./farebox-process.ts";
import { Scene } from "./scene.ts";
import { SteppingClock } from "./stepping-clock.ts";

const DAY_S = 86_400;
const CLIENTS = 60;
/** Acknowledged after each step. */
const FLOWS = 150;

describe("the database's clock steps", () => {
  test("over midnight, back and far away, under load: statements and usage agree on every day, and nothing is lost", async (context) => {
    const clock = new SteppingClock();
    context.after(() => clock.remove());
    const server = await startPostgres({ environment: clock.environment });
    const toMidnight = DAY_S - (Math.floor(Date.now() / 1000) % DAY_S);
    clock.set(toMidnight - 10);
    const scene = await Scene.open(context, "postgres", server);
    const instances = await Promise.all([scene.start(), scene.start()]);
    const [first] = instances;
    const customers = await scene.openCustomers(first);
    const load = scene.load(
      { instance: (client) => instances[client % 2] ?? first, clients: CLIENTS, streamsBreak: true },
      customers,
    );
    await load.flows(FLOWS, 0);
    // From midnight: past it, back before it, an hour on, an hour back, and the day before.
    for (const seconds of [30, -20, 3600, -3600, -DAY_S]) {
      clock.set(toMidnight + seconds);
      await load.flows(FLOWS, 0);
    }
    clock.set(toMidnight + 2 * DAY_S);
    await load.flows(FLOWS, 0);
    await load.stop();
    await scene.atRest(first, customers);
    await scene.spendPoor(first, customers);

    const days = new Set<string>();
    for (const { accountId } of customers.all) {
      const { stated, used } = await readDays(first, accountId, toMidnight);
      assert.deepEqual(used, stated, `${accountId}: usage and the statement`);
      for (const day of Object.keys(stated)) days.add(day);
    }
    assert.ok(days.size >= 3, `charges are on several days: ${[...days].join(", ")}`);
    for (const instance of instances) assert.equal((await instance.terminate()).code, 0);
    const { unanswered } = await scene.settle();
    assert.equal(unanswered, 0, "the instances lived, so everyone was told something");
  });
});

/** An account's charges by the day of UTC: requests and credits, by its entries and by the usage report. */
async function readDays(
  { client }: FareboxInstance,
  account: string,
  toMidnight: number,
): Promise<Record<"stated" | "used", Record<string, readonly [number, number]>>> {
  const stated: Record<string, readonly [number, number]> = {};
  for await (const { entries } of pages(client.listEntries, { account, kind: "charge", limit: 500 })) {
    for (const { at, amount } of entries) {
      const day = at.slice(0, 10);
      const [requests, credits] = stated[day] ?? [0, 0];
      stated[day] = [requests + 1, credits - amount];
    }
  }
  const at = (days: number): string =>
    new Date(Date.now() + (toMidnight + days * DAY_S) * 1000).toISOString();
  const from = `${at(-3).slice(0, 10)}T00:00:00Z`;
  const to = `${at(4).slice(0, 10)}T00:00:00Z`;
  const { rows } = await client.getUsage({ account, resolution: "day", from, to });
  const used = Object.fromEntries(
    rows
      .filter(({ requests }) => requests > 0)
      .map(({ time, requests, credits }) => [time?.slice(0, 10), [requests, credits] as const]),
  );
  return { stated, used };
}
