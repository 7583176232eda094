import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../config/load-config.ts";
import { ClusterLike } from "../ledger/database/cluster/testing/cluster-like.ts";
import type { Database } from "../ledger/database/database.ts";
import { openDatabase } from "../ledger/database/open-database.ts";
import { ensureSecret } from "../ledger/instance/secret.ts";
import { createTestDatabase } from "../ledger/testing/test-databases.ts";
import { createLogger } from "../telemetry/logger.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { Closing } from "./closing.ts";
import { openInstance } from "./open-instance.ts";
import { prepareDatabase } from "./prepare-database.ts";

const logger = createLogger({ level: "silent", format: "json" });

const config = parseConfig(
  "farebox.yaml",
  `upstream: http://127.0.0.1:9
shards: 4
prices: [{ match: GET /x, cost: 1 }]
plans: { a: { recurring: { credits: 1.5, every: day } }, b: {} }`,
  {},
);

/** What a start does between the opening of its database and that of its listeners. */
async function start(database: Database): Promise<readonly number[]> {
  const patiently = <T>(step: () => Promise<T>): Promise<T> => step();
  const closing = new Closing(logger);
  await prepareDatabase(database, config, logger, patiently);
  await ensureSecret(database, "holds");
  const parts = { database, config, metrics: createMetrics(), logger, closing, patiently };
  const { ledger } = await openInstance(parts);
  const { unheard } = await ledger.heartbeat();
  await closing.run();
  return unheard;
}

test("a start that brings nothing new needs no server of several that is away", async () => {
  const made = await createTestDatabase("pglite");
  const inner = await openDatabase(made.target);
  const database = new ClusterLike(inner);
  try {
    database.isAway = true;
    await assert.rejects(start(database), { code: "storage_unavailable" }, "its plans are new");
    database.isAway = false;
    assert.deepEqual(await start(database), []);
    database.isAway = true;
    assert.deepEqual(await start(database), [1, 3]);
  } finally {
    await inner.close();
    await made.drop();
  }
});
