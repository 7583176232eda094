import assert from "node:assert/strict";
import { test } from "node:test";
import type { Database, Statement, Transaction } from "../database.ts";
import { listServersAway } from "./list-away.ts";

const textOf = (statement: string | Statement): string =>
  typeof statement === "string" ? statement : statement.text;

/** A cluster: what it says of each server. Of an ordinary one the list is undefined. */
function databaseOf(
  nodes?: readonly { host: string; port: number; says: () => Promise<boolean> }[],
): Database {
  const query: Database["query"] = async <Row>(
    statement: string | Statement,
    params: readonly unknown[] = [],
  ): Promise<Row[]> => {
    const text = textOf(statement);
    // oxlint-disable typescript/no-unsafe-type-assertion -- the rows of this stand-in
    if (text.includes("pg_extension")) return (nodes === undefined ? [] : [{}]) as Row[];
    if (text.includes("pg_dist_node")) return [...(nodes ?? [])] as Row[];
    assert.match(text, /citus_check_connection_to_node/);
    const node = nodes?.find(({ host, port }) => host === params[0] && port === params[1]);
    return [{ answers: await node?.says() }] as Row[];
  };
  const exec = () => Promise.resolve();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is used of a transaction
  const transaction: Database["transaction"] = (run) => run({ query, exec } as unknown as Transaction);
  return { kind: "postgres", query, exec, transaction, close: exec };
}

test("names the servers of a cluster that do not answer, or fail when they are asked", async () => {
  const database = databaseOf([
    { host: "worker-1", port: 5432, says: async () => true },
    { host: "worker-2", port: 5432, says: async () => false },
    { host: "worker-3", port: 5433, says: () => Promise.reject(new Error("statement timeout")) },
  ]);
  assert.deepEqual(await listServersAway(database), ["worker-2:5432", "worker-3:5433"]);
  assert.deepEqual(await listServersAway(databaseOf()), []);
});
