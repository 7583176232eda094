import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Database, Parameter, Statement } from "../database.ts";
import { isUndone } from "../storage-error.ts";
import { ClusterDatabase } from "./cluster-database.ts";

/** A cluster in which shards below 4 are on server 1, the others on server 2. What is asked of server 2 waits for `wake`. */
function clusterWithOneAsleep() {
  const asleep: (() => void)[] = [];
  const sleep = () => new Promise<void>((resolve) => asleep.push(resolve));
  let moved: readonly number[] = [];
  const query = async <Row>(
    statement: string | Statement,
    params: readonly Parameter[] = [],
  ): Promise<Row[]> => {
    const text = typeof statement === "string" ? statement : statement.text;
    if (text.includes("pg_dist_placement")) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const shards = params[0] as readonly number[];
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return shards.map((shard) => {
        const server = shard < 4 || moved.includes(shard) ? 1 : 2;
        return { shard, server, name: `worker-${server}:5432` };
      }) as Row[];
    }
    if (params.some((param) => typeof param === "number" && param >= 4)) await sleep();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return [{ answer: text }] as Row[];
  };
  const refuse = () => Promise.reject(new Error("not here"));
  const inner: Database = { kind: "postgres", query, exec: refuse, transaction: refuse, close: refuse };
  return {
    database: new ClusterDatabase(inner),
    asleep,
    wake: () => asleep.splice(0).forEach((resolve) => resolve()),
    move: (shards: readonly number[]) => (moved = shards),
  };
}

const VERB = "SELECT farebox.verb($1::smallint, $2) AS answer";

async function learn(database: Database): Promise<void> {
  for (let shard = 0; shard < 8; shard += 1) database.serverOf?.(shard);
  await new Promise(setImmediate);
  for (let shard = 0; shard < 8; shard += 1) database.serverOf?.(shard);
  await new Promise(setImmediate);
}

describe("a cluster of which one server hangs", () => {
  test("has statements for it in line, whatever the shard, and answers those for others", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { database, asleep, wake } = clusterWithOneAsleep();
    await learn(database);
    assert.equal(database.serverOf?.(1), 1);
    assert.equal(database.serverOf?.(5), 2);
    const texts = [VERB, "SELECT 1 FROM farebox.rows WHERE shard = $1", { name: "verb", text: VERB }];
    const hanging = Array.from({ length: 40 }, (_, index) =>
      database.query(texts[index % 3] ?? VERB, [4 + (index % 4), "x"]),
    );
    const told = Promise.allSettled(hanging);
    for (const shard of [0, 1, 2, 3]) {
      assert.equal((await database.query(VERB, [shard, "x"])).length, 1);
    }
    await database.query(
      { name: "keys", text: "SELECT 1 FROM farebox.keys WHERE key_no = $1", isLocal: true },
      [1],
    );
    assert.equal(asleep.length, 5, "so many connections wait for it and no more");
    t.mock.timers.tick(5_000);
    await new Promise(setImmediate);
    wake();
    const ends = await told;
    assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 5);
    for (const end of ends) {
      if (end.status === "rejected")
        assert.ok(isUndone(end.reason), "who was not served knows that nothing was done");
    }
    const again = database.query(VERB, [7, "x"]);
    assert.equal(asleep.length, 1, "and it is asked again");
    wake();
    await again;
  });

  test("tells whoever waited in vain which server was asked, or who knows which one does not answer", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { database, wake } = clusterWithOneAsleep();
    await learn(database);
    const under = Array.from({ length: 13 }, (_, index) =>
      database.query(index < 5 ? VERB : "SELECT sum(x) FROM farebox.usage WHERE $1", [7, "x"]),
    );
    const late = [VERB, "SELECT sum(x) FROM farebox.usage WHERE $1"].map((text) =>
      assert.rejects(database.query(text, [7]), {
        code: "storage_unavailable",
        message:
          text === VERB
            ? /Its server worker-2:5432 was asked: `farebox doctor`/
            : /One of its servers may be away: /,
      }),
    );
    await new Promise(setImmediate);
    t.mock.timers.tick(5_000);
    await Promise.all(late);
    wake();
    await Promise.all(under);
  });

  test("serves those in line in their order when it goes on", async () => {
    const { database, asleep, wake } = clusterWithOneAsleep();
    await learn(database);
    const order: number[] = [];
    const all = Array.from({ length: 12 }, async (_, index) => {
      await database.query(VERB, [4, index]);
      order.push(index);
    });
    while (order.length < 12) {
      wake();
      await new Promise(setImmediate);
      assert.ok(asleep.length <= 5);
    }
    await Promise.all(all);
    assert.deepEqual(
      order,
      Array.from({ length: 12 }, (_, index) => index),
    );
  });

  test("lets a few statements that are of no shard wait for it, and leaves the rest to others", async () => {
    const { database, asleep, wake } = clusterWithOneAsleep();
    await learn(database);
    const reports = Array.from({ length: 20 }, () =>
      database.query("SELECT sum(x) FROM farebox.usage WHERE $1", [9]),
    );
    await new Promise(setImmediate);
    assert.equal(asleep.length, 8);
    assert.equal((await database.query(VERB, [0, "x"])).length, 1);
    while (asleep.length > 0) {
      wake();
      await new Promise(setImmediate);
    }
    await Promise.all(reports);
  });
});
