import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { describeTable } from "../../gateway/testing/edges/table.ts";
import { openFakeMeterUnderTest } from "../../gateway/testing/fake-meter-under-test.ts";
import { nowAndThen } from "../../gateway/testing/now-and-then.ts";
import { type Omitted, withoutRows } from "../../gateway/testing/rows.ts";
import { type MeterUnderTest, World } from "../../gateway/testing/world.ts";
import { type AppMaker, frontOf } from "./fronts.ts";

/** What no middleware can have: it is decided by the server that the application has opened. */
const OF_THE_SERVER: Omitted = {
  "100 Continue is sent when the body is wanted, and not before a refusal":
    "Node sends it before it calls anybody, unless the application's server listens for checkContinue",
  "that does not read at all is cut after the write-stall limit":
    "how long a connection may stand still is a setting of the application's server",
};

/** Hono answers HEAD from what its handler of GET returns; a handler that writes by itself returns nothing. */
const OF_HONO = "Hono makes the answer to HEAD of the one that its handler of GET returns";
export const HEAD_ROWS: Omitted = Object.fromEntries(
  [
    "HEAD /fixed costs GET's, where no price names it: 5, and has the length that GET would have",
    "HEAD /listed costs its own: 1, and has the length that GET would have",
    "HEAD /head/free costs nothing, where its GET's says so: 0, and has the length that GET would have",
    "HEAD /unpriced costs nothing, where its GET is free: 0, and has the length that GET would have",
    "HEAD /results costs the floor, where GET's counts in the body: 2, and has the length that GET would have",
    "HEAD is decided by its status",
  ].map((row) => [row, OF_HONO]),
);

interface FrontUnderTest {
  readonly meter?: () => Promise<MeterUnderTest>;
  /** Fails where the books are not in order. */
  readonly audit?: (atRest: boolean) => Promise<void>;
  readonly omitted?: Omitted;
}

/** Runs the decisions table with an application in the gateway's place. Exactly the rows that are named do not run. */
export function describeFront(name: string, app: AppMaker, options: FrontUnderTest = {}): void {
  const { meter = openFakeMeterUnderTest, audit } = options;
  describe(`the decisions table, ${name}`, () => {
    let world: World;
    before(async () => {
      world = await new World(await meter(), { front: frontOf(app) }).open();
    });
    after(() => world.close());
    if (audit !== undefined) afterEach(nowAndThen(() => audit(false)));
    const unknown = withoutRows({ ...OF_THE_SERVER, ...options.omitted }, () => describeTable(() => world));
    it("has every row that is left out", () => assert.deepEqual(unknown, []));
    it("holds nothing at rest, and every sum of the books is right", async () => {
      await world.atRest();
      assert.ok(world.accounts.length > 0);
      await audit?.(true);
    });
  });
}
