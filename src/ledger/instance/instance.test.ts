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
