import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database } from "../database/database.ts";
import { Instance } from "./instance.ts";

/** A cluster: what a server says to a heartbeat in each of its shards, or why it does not. */
function clusterOf(answers: ReadonlyMap<number, object | Error>): Database {
  const query = <Row>(statement: unknown, params: readonly unknown[] = []): Promise<Row[]> => {
    const text = typeof statement === "string" ? statement : JSON.stringify(statement);
    const answer = text.includes("farebox.heartbeat(") ? answers.get(Number(params.at(-1))) : {};
    if (answer instanceof Error) return Promise.reject(answer);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rows of this stand-in
    return Promise.resolve([{ answer, no: 7 }] as Row[]);
  };
  const refuse = () => Promise.reject(new Error("not here"));
  return { kind: "postgres", query, exec: refuse, transaction: refuse, close: refuse };
}

const ALIVE = { alive: true, recalls: [["acc_1", "credits"]] };

const away = (sqlState?: string) =>
  new FareboxError("storage_unavailable", "away", {
    retryable: true,
    detail: sqlState === undefined ? {} : { sqlState },
  });

async function beat(answers: ReadonlyMap<number, object | Error>, servers: number) {
  const instance = new Instance(clusterOf(answers), servers);
  for (const shard of answers.keys()) await instance.register(shard);
  return await instance.heartbeat();
}

describe("a heartbeat over several servers", () => {
  test("tells which shards did not hear it, and passes on what the others say", async () => {
    const told = await beat(
      new Map<number, object | Error>([
        [0, ALIVE],
        [1, away("08006")],
        [2, ALIVE],
      ]),
      2,
    );
    assert.deepEqual(told.unheard, [1]);
    assert.equal(told.alive, true);
    assert.deepEqual(
      told.recalls.map(({ shard }) => shard).toSorted((left, right) => left - right),
      [0, 2],
    );
  });

  test("fails when no server answers, or when it is not known that the database is there", async () => {
    const none = new Map([0, 1].map((shard) => [shard, away("08006")] as const));
    await assert.rejects(beat(none, 2), { code: "storage_unavailable" });
    const broken = new Map<number, object | Error>([
      [0, ALIVE],
      [1, away()],
    ]);
    await assert.rejects(beat(broken, 2), { code: "storage_unavailable" });
  });

  test("of one server fails with any of its shards", async () => {
    const answers = new Map<number, object | Error>([
      [0, ALIVE],
      [1, away("08006")],
    ]);
    await assert.rejects(beat(answers, 1), { code: "storage_unavailable" });
  });
});

describe("a start over several servers", () => {
  /** Even shards are on server 0, odd ones on server 1. What each says to an instance that registers. */
  function openOver(...answers: readonly [even: () => Promise<void>, odd: () => Promise<void>]) {
    const registered: number[] = [];
    const query = async <Row>(statement: unknown, params: readonly unknown[] = []): Promise<Row[]> => {
      if (JSON.stringify(statement).includes("register_lane")) {
        const shard = Number(params[0]);
        await answers[shard % 2]?.();
        registered.push(shard);
      }
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rows of this stand-in
      return [{ answer: ALIVE, no: 7 }] as Row[];
    };
    const { database } = serversOf(new Map(), (shard) => shard % 2);
    return { instance: new Instance({ ...database, query }, 2), registered };
  }
  const agree = () => Promise.resolve();
  const refuse = (error: Error) => async (): Promise<void> => {
    throw error;
  };

  test("needs one of them; the other is taken up by the heartbeat that it answers", async () => {
    let odd: () => Promise<void> = refuse(away("08006"));
    const { instance, registered } = openOver(agree, () => odd());
    await instance.start([0, 1, 2, 3]);
    assert.deepEqual(registered, [0, 2]);
    assert.deepEqual((await instance.heartbeat()).unheard, [1, 3]);
    assert.deepEqual((await instance.heartbeat([0])).unheard, [], "those of leases alone");
    assert.equal(instance.isSteady(1), false, "the others may be cut off as well");
    odd = agree;
    assert.deepEqual((await instance.heartbeat()).unheard, []);
    assert.deepEqual(registered, [0, 2, 1, 3]);
    assert.equal(instance.isSteady(1), false, "the others have had no time to be heard");
    assert.equal(instance.isSteady(9), true);
  });

  test("waits 2 s for one that hangs", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const sleeping = Promise.withResolvers<void>();
    const { instance, registered } = openOver(agree, () => sleeping.promise);
    const starting = instance.start([0, 1, 2, 3]);
    await new Promise(setImmediate);
    t.mock.timers.tick(2_000);
    await starting;
    assert.deepEqual(registered, [0, 2]);
    sleeping.resolve();
    await new Promise(setImmediate);
    assert.deepEqual(registered, [0, 2, 1, 3]);
  });

  test("fails when none answers, when it is not known that the database is there, or one refuses the statement", async () => {
    const none = openOver(refuse(away("08006")), refuse(away("08006")));
    await assert.rejects(none.instance.start([0, 1]), { code: "storage_unavailable" });
    const silent = openOver(agree, refuse(away()));
    await assert.rejects(silent.instance.start([0, 1]), { code: "storage_unavailable" });
    const wrong = openOver(agree, refuse(new Error("no such function")));
    await assert.rejects(wrong.instance.start([0, 1]), /no such function/);
  });
});

/** As {@link clusterOf}, with the server of each shard; what is a promise is answered when that is. */
function serversOf(answers: Map<number, Promise<object>>, server: (shard: number) => number) {
  const asked: number[] = [];
  const query = async <Row>(statement: unknown, params: readonly unknown[] = []): Promise<Row[]> => {
    const isBeat = JSON.stringify(statement).includes("farebox.heartbeat(");
    const shard = Number(params.at(-1));
    if (isBeat) asked.push(shard);
    const answer = isBeat ? await (answers.get(shard) ?? ALIVE) : {};
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rows of this stand-in
    return [{ answer, no: 7 }] as Row[];
  };
  const refuse = () => Promise.reject(new Error("not here"));
  const database: Database = {
    kind: "postgres",
    query,
    exec: refuse,
    transaction: refuse,
    close: refuse,
    serverOf: server,
  };
  return { database, asked };
}

describe("a heartbeat to a server that hangs", () => {
  /** Even shards are on server 0, odd ones on server 1, which answers when `wake` is called. */
  async function openWithOneAsleep() {
    const sleeping = Promise.withResolvers<object>();
    const answers = new Map([1, 3, 5, 7].map((shard) => [shard, sleeping.promise] as const));
    const { database, asked } = serversOf(answers, (shard) => shard % 2);
    const instance = new Instance(database, 2);
    for (let shard = 0; shard < 8; shard += 1) await instance.register(shard);
    const wake = async (answer: object): Promise<void> => {
      sleeping.resolve(answer);
      answers.clear();
      await new Promise(setImmediate);
    };
    return { instance, asked, wake };
  }
  const turns = () => new Promise(setImmediate);

  test("is not waited for: the others are heard, at once the next time", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { instance, asked, wake } = await openWithOneAsleep();
    const first = instance.heartbeat();
    await turns();
    t.mock.timers.tick(500);
    const told = await first;
    assert.deepEqual(told.unheard, [1, 3, 5, 7]);
    assert.equal(told.alive, true);
    assert.equal(told.recalls.length, 4);
    asked.length = 0;
    assert.deepEqual((await instance.heartbeat()).unheard, [1, 3, 5, 7]);
    assert.deepEqual(asked, [0, 2, 4, 6], "it is asked nothing more meanwhile");
    assert.deepEqual(
      (await instance.heartbeat([3, 5])).unheard,
      [3, 5],
      "also when nothing is leased elsewhere",
    );
    await wake(ALIVE);
    const late = await instance.heartbeat([0]);
    assert.deepEqual(
      late.recalls.map(({ shard }) => shard),
      [1, 3, 0],
      "what it said too late is told, once",
    );
    const again = await instance.heartbeat();
    assert.deepEqual(again.unheard, []);
    assert.equal(again.recalls.length, 8);
  });

  test("that says too late that the instance is dead is believed", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { instance, wake } = await openWithOneAsleep();
    const first = instance.heartbeat();
    await turns();
    t.mock.timers.tick(500);
    assert.equal((await first).alive, true);
    await wake({ alive: false, recalls: [] });
    assert.equal((await instance.heartbeat([0])).alive, false);
  });

  test("fails when no server answers in time", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { database } = serversOf(
      new Map([0, 1].map((shard) => [shard, new Promise(() => undefined)])),
      Number,
    );
    const instance = new Instance(database, 2);
    for (const shard of [0, 1]) await instance.register(shard);
    const first = instance.heartbeat();
    await turns();
    t.mock.timers.tick(500);
    await assert.rejects(first, { code: "storage_unavailable" });
    await assert.rejects(instance.heartbeat(), { code: "storage_unavailable" });
    assert.deepEqual((await instance.heartbeat([1])).unheard, [1]);
  });
});

test("an instance that ends says so to each server that answers, and gives its leases there back", async () => {
  const ended: number[] = [];
  const query = async <Row>(statement: unknown, params: readonly unknown[] = []): Promise<Row[]> => {
    const text = JSON.stringify(statement);
    const isEnd = text.includes("end_lane");
    if (isEnd && Number(params[0]) % 2 === 0) throw away("08006");
    if (text.includes("list_active_pools")) ended.push(Number(params[0]));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rows of this stand-in
    return [{ no: 7, pools: [] }] as Row[];
  };
  const { database } = serversOf(new Map(), (shard) => shard % 2);
  const instance = new Instance({ ...database, query }, 2);
  for (const shard of [0, 1, 2, 3]) await instance.register(shard);
  await assert.rejects(instance.end(), { code: "storage_unavailable" });
  assert.deepEqual(ended, [1, 3]);
});
