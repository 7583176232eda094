import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import type { LimitAsk } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { LEDGER } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { shareLimits } from "./share-limits.ts";

eachDatabase("places of request limits", (openFresh) => {
  let db: Database;
  let subjects = 0;

  before(async () => {
    db = await openFresh();
  });

  const asker = (limit: number) => {
    subjects += 1;
    const subject = `acc_${subjects}`;
    return async (owner: string, have: number, want: number, more: Partial<LimitAsk> = {}) => {
      const ask = { subject, rule: "r", limit, seconds: 60, have, want, ...more };
      const { answers } = await shareLimits(db, 1, owner, [ask]);
      return answers[0] ?? null;
    };
  };

  test("are given as long as there are some, and never more than the limit in all", async () => {
    const ask = asker(10);
    assert.deepEqual(await ask("one", 0, 6), { granted: 6, left: 4 });
    assert.deepEqual(await ask("other", 0, 6), { granted: 4, left: 0 });
    assert.deepEqual(await ask("third", 0, 1), { granted: 0, left: 0 });
    assert.deepEqual(await ask("one", 2, 0), { granted: 0, left: 4 });
    assert.deepEqual(await ask("third", 0, 1), { granted: 1, left: 3 });
  });

  test("a question whose answer was lost costs nothing: what is kept is said whole", async () => {
    const ask = asker(10);
    await ask("one", 0, 10);
    assert.deepEqual(await ask("one", 0, 3), { granted: 3, left: 7 });
    assert.deepEqual(await ask("one", 3, 0), { granted: 0, left: 7 });
  });

  test("what nobody said again within its time belongs to nobody", async () => {
    const ask = asker(10);
    await ask("dead", 0, 10, { seconds: 0 });
    assert.deepEqual(await ask("one", 0, 10), { granted: 10, left: 0 });
  });

  test("who asks at the same moment gets no answer, or one that is right", async () => {
    const ask = asker(10);
    const answers = fulfilled(await atOnce(6, (index) => ask(`owner ${index}`, 0, 3)));
    const granted = answers.reduce((sum, answer) => sum + (answer?.granted ?? 0), 0);
    assert.ok(granted <= 10);
    assert.equal(granted, Math.min(10, 3 * answers.filter((answer) => answer !== null).length));
  });

  test("many new limits asked for at once, in any order, wait for none of each other in a circle", async () => {
    for (let round = 0; round < 5; round += 1) {
      const asks = Array.from({ length: 150 }, (_, index) => ({
        subject: `acc_round${round}_${index}`,
        rule: "r",
        limit: 10,
        seconds: 60,
        have: 0,
        want: 1,
      }));
      const replies = await atOnce(4, (index) =>
        shareLimits(db, 1, `owner ${index}`, index % 2 === 0 ? asks : asks.toReversed()),
      );
      assert.deepEqual(
        replies.map(({ status }) => status),
        Array.from(replies, () => "fulfilled"),
      );
    }
  });

  test("answers are in the order of the questions, whatever it is", async () => {
    const asks = ["c", "a", "b"].map((name, index) => ({
      subject: `acc_order_${name}`,
      rule: "r",
      limit: 10,
      seconds: 60,
      have: 0,
      want: index + 1,
    }));
    const { answers } = await shareLimits(db, 1, "one", asks);
    assert.deepEqual(
      answers.map((answer) => answer?.granted),
      [1, 2, 3],
    );
  });

  test("limits and accounts do not meet, and a shard tells how many instances serve it", async () => {
    const ask = asker(10);
    await ask("one", 0, 10);
    assert.deepEqual(await ask("other", 0, 1, { rule: "s" }), { granted: 1, left: 9 });
    assert.deepEqual(await ask("other", 0, 1, { subject: "acc_other" }), { granted: 1, left: 9 });
    const ledgers = await Promise.all([openLedger(db, LEDGER), openLedger(db, LEDGER)]);
    assert.equal((await shareLimits(db, 1, "one", [])).instances, 2);
    await Promise.all(ledgers.map((ledger) => ledger.close()));
  });

  test("a row without places is gone; the sweep deletes those that nobody gave back", async () => {
    const ask = asker(10);
    const count = async () => {
      const [row] = await db.query<{ rows: bigint }>(
        "SELECT count(*) AS rows FROM limit_places WHERE subject = $1",
        [`acc_${subjects}`],
      );
      return row?.rows;
    };
    await ask("one", 0, 1);
    assert.equal(await count(), 1n);
    await ask("one", 0, 0);
    assert.equal(await count(), 0n);
    await ask("one", 0, 1, { seconds: 0 });
    await db.query("SELECT farebox.forget_limits(1::smallint, 100)");
    assert.equal(await count(), 0n);
  });
});
