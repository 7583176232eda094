import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { Database, Parameter, Statement } from "../database/database.ts";
import { SweepRounds } from "./sweep-rounds.ts";
import type { DueWork, SweepStep } from "./sweep-step.ts";

const MINUTE = 60_000;

/** Answers what rounds ask of a database: which shards there are, what is due in each, and takes in what they write down. */
class FakeDatabase {
  readonly kind = "postgres" as const;
  due: readonly DueWork[] = [];
  isDown = false;
  /** Of several: shard 1 is on a server of its own. It says what the small tables are asked for, too. */
  isSecondAway = false;
  /** Step and failure, as they were written. */
  written: [step: string, failure: string | null][] = [];
  asked = 0;

  query<Row>(statement: string | Statement, params: readonly Parameter[] = []): Promise<Row[]> {
    const text = typeof statement === "string" ? statement : statement.text;
    const isOfFirst = text.includes("work_due") && params.at(-1) === 0;
    if (this.isDown || (this.isSecondAway && !isOfFirst)) return Promise.reject(new Error("gone"));
    if (text.includes("work_due")) {
      this.asked += 1;
      return Promise.resolve([{ answer: this.due } as Row]);
    }
    if (text.includes("sweep_steps")) {
      const [steps, failures] = params as unknown as [string[], (string | null)[]];
      this.written.push(
        ...steps.map((step, index): [string, string | null] => [step, failures[index] ?? null]),
      );
    }
    return Promise.resolve([]);
  }
}

/** A cluster of two servers. */
class FakeCluster extends FakeDatabase {
  serverOf(shard: number): number {
    return shard;
  }
}

describe("rounds of the sweep", () => {
  let database: FakeDatabase;
  let told: string[];
  let now: number;
  const passed = new Map<string, number>();

  beforeEach(() => {
    database = new FakeDatabase();
    told = [];
    now = 0;
    passed.clear();
  });

  /** A step that counts its runs, and what it does in each. */
  function step(
    name: string,
    change: Partial<SweepStep> & { readonly act?: () => Promise<void> | void } = {},
  ): SweepStep {
    const { act, ...rest } = change;
    return {
      name,
      everyMs: 0,
      run: async () => {
        passed.set(name, (passed.get(name) ?? 0) + 1);
        await act?.();
        return { done: 1 };
      },
      ...rest,
    };
  }

  function roundsOf(...steps: SweepStep[]): SweepRounds {
    return new SweepRounds(
      database as unknown as Database,
      { shards: 2, deadAfterMs: 10_000 },
      steps,
      {
        stepSucceeded: () => undefined,
        stepFailed: (name, error, times) => told.push(`${name} failed ${times}: ${String(error)}`),
        stepPassed: (name, error) => told.push(`${name} passed: ${error.message}`),
        stepRecovered: (name) => told.push(`${name} recovered`),
      },
      () => now,
    );
  }

  const fail = (): never => {
    throw new Error("broken");
  };

  test("a step that fails keeps no other from its turn, rests longer each time, and says when it works again", async () => {
    let isBroken = true;
    const rounds = roundsOf(
      step("first"),
      step("broken", { act: () => (isBroken ? fail() : undefined) }),
      step("last"),
    );
    const runs = () => ["first", "broken", "last"].map((name) => passed.get(name) ?? 0);
    await rounds.run();
    assert.deepEqual(runs(), [1, 1, 1]);
    now += 1_999;
    await rounds.run();
    assert.deepEqual(runs(), [2, 1, 2], "it rests");
    now += 1;
    await rounds.run();
    assert.deepEqual(runs(), [3, 2, 3]);
    now += 3_999;
    await rounds.run();
    assert.deepEqual(runs(), [4, 2, 4], "for twice as long");
    isBroken = false;
    now += 1;
    await rounds.run();
    assert.deepEqual(told, [
      "broken failed 1: Error: broken",
      "broken failed 2: Error: broken",
      "broken recovered",
    ]);
    assert.deepEqual(runs(), [5, 3, 5]);
    await rounds.run();
    assert.deepEqual(runs(), [6, 4, 6]);
  });

  test("one that says how long it rests does so, and never rests longer than a minute otherwise", async () => {
    const rounds = roundsOf(step("rare", { act: fail, retryMs: 10 * MINUTE }), step("often", { act: fail }));
    for (let minute = 0; minute <= 20; minute += 1) {
      await rounds.run();
      now += MINUTE;
    }
    assert.deepEqual([passed.get("rare"), passed.get("often")], [3, 21]);
  });

  test("steps run when shards have their work, when their time has come, and while they have more", async () => {
    let isMore = false;
    const rounds = roundsOf(
      step("by work", { when: "due", everyMs: null }),
      step("both", { when: "dead", everyMs: MINUTE }),
      step("by time", {
        everyMs: MINUTE,
        run: async () => (passed.set("by time", (passed.get("by time") ?? 0) + 1), { done: 0, isMore }),
      }),
    );
    const runs = () => ["by work", "both", "by time"].map((name) => passed.get(name) ?? 0);
    assert.equal(await rounds.run(), "idle");
    assert.deepEqual(runs(), [0, 1, 1]);
    database.due = ["due"];
    assert.equal(await rounds.run(), "calm");
    assert.deepEqual(runs(), [1, 1, 1]);
    database.due = ["dead", "active"];
    assert.equal(await rounds.run(), "calm");
    assert.deepEqual(runs(), [1, 2, 1]);
    database.due = [];
    now += MINUTE;
    isMore = true;
    assert.equal(await rounds.run(), "more");
    isMore = false;
    assert.equal(await rounds.run(), "idle");
    assert.deepEqual(runs(), [1, 3, 3]);
  });

  test("an idle round asks each shard one question and nothing else", async () => {
    const rounds = roundsOf(
      step("by work", { when: "due", everyMs: null }),
      step("rare", { everyMs: MINUTE }),
    );
    await rounds.run();
    database.asked = 0;
    database.written = [];
    await rounds.run();
    assert.deepEqual([database.asked, database.written], [2, []]);
  });

  test("successes are written down once a minute, a failure and its end at once", async () => {
    let isBroken = false;
    const rounds = roundsOf(
      step("one", { act: () => (isBroken ? fail() : undefined) }),
      step("two", { when: "due", everyMs: null }),
    );
    const written = async (): Promise<unknown[]> => {
      database.written = [];
      await rounds.run();
      return database.written;
    };
    const fine = [
      ["find work", null],
      ["one", null],
      ["two", null],
    ];
    assert.deepEqual(await written(), fine, "nothing to do is as good as done");
    now += MINUTE - 1;
    assert.deepEqual(await written(), []);
    isBroken = true;
    assert.deepEqual(await written(), [
      ["find work", null],
      ["one", "broken"],
      ["two", null],
    ]);
    isBroken = false;
    now += 2_000;
    assert.deepEqual(await written(), fine);
    now += MINUTE;
    assert.deepEqual(await written(), fine);
  });

  test("a run behind what had stayed in front is no success of the step, and no failure", async () => {
    const rounds = roundsOf({ name: "part", everyMs: 0, run: async () => ({ done: 1, isPart: true }) });
    await rounds.run();
    assert.ok(!told.some((line) => line.includes("part")));
    assert.ok(!database.written.some(([name]) => name === "part"));
  });

  test("what was passed is told and written, and the step goes on as if nothing had happened", async () => {
    const rounds = roundsOf({
      name: "some",
      everyMs: 0,
      run: async () => ({ done: 1, passed: new Error("one pool") }),
    });
    await rounds.run();
    await rounds.run();
    assert.deepEqual(told, ["some passed: one pool", "some passed: one pool"]);
    assert.deepEqual(database.written.at(-1), ["some", "one pool"]);
  });

  test("a database that does not answer is asked again later, and no step is tried meanwhile", async () => {
    const rounds = roundsOf(step("any"));
    database.isDown = true;
    assert.equal(await rounds.run(), "calm");
    assert.deepEqual(told, ["find work failed 1: Error: gone"]);
    database.isDown = false;
    assert.equal(await rounds.run(), "calm");
    assert.equal(passed.get("any"), undefined);
    now += 2_000;
    assert.equal(await rounds.run(), "idle");
    assert.equal(passed.get("any"), 1);
  });

  test("a server of several that does not answer rests, and the shards of the others have their turns", async () => {
    const cluster = new FakeCluster();
    database = cluster;
    const swept: (readonly number[])[] = [];
    const rounds = roundsOf({
      name: "dead",
      when: "dead",
      everyMs: null,
      run: async (shards) => (swept.push(shards.with("dead"), shards.all), { done: 1 }),
    });
    cluster.due = ["dead"];
    cluster.isSecondAway = true;
    assert.equal(await rounds.run(), "calm");
    assert.deepEqual(swept, [[0], [0]], "from the first round on: no list of shards was read");
    assert.deepEqual(told, ["find work failed 1: Error: gone", "step records failed 1: Error: gone"]);
    swept.length = 0;
    cluster.asked = 0;
    now += 1_999;
    await rounds.run();
    assert.deepEqual([swept, cluster.asked], [[[0], [0]], 1], "what could not be written down stops nothing");
    cluster.isSecondAway = false;
    now += 1;
    swept.length = 0;
    await rounds.run();
    assert.deepEqual(swept, [
      [0, 1],
      [0, 1],
    ]);
    assert.deepEqual(told.slice(2), ["find work recovered", "step records recovered"]);
  });
});
