import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MICRO_PER_CREDIT } from "../domain/credits.ts";
import type { Database } from "../ledger/database/database.ts";
import { openDatabase } from "../ledger/database/open-database.ts";
import { type PostgresServer, startPostgres } from "../ledger/testing/postgres-server.ts";
import { createTestDatabase } from "../ledger/testing/test-databases.ts";
import { PRICES } from "./testing/open-fake-meter.ts";
import { closeRealMeter, newAccount, openRealMeter, publish } from "./testing/open-real-meter.ts";

const START = 1_000_000;

let server: PostgresServer;
let database: Database;

before(async () => {
  server = await startPostgres({ fsync: true });
  const { target } = await createTestDatabase("postgres", server.url);
  database = await openDatabase(target);
  await publish(database, { prices: PRICES, unpriced: "free" });
});

after(async () => {
  await database.close();
  await server.stop();
});

test("kill -9 of Postgres under load: what was acknowledged is charged once, what failed costs nothing in the end", async () => {
  const alice = await newAccount(database, START);
  const real = await openRealMeter(database, alice, { settleTimeoutMs: 500 });
  const outcomes = new Map<string, "charged" | "failed" | "refused">();
  const stop = new AbortController();
  const work = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const request = real.request("GET /1");
      const decision = await real.meter.admit(request);
      if (decision.kind !== "admitted") {
        outcomes.set(request.requestId, "refused");
        await sleep(5);
        continue;
      }
      outcomes.set(
        request.requestId,
        await decision.admission.settle({ status: 200, units: undefined }).then(
          () => "charged" as const,
          () => "failed" as const,
        ),
      );
    }
  };
  const workers = Array.from({ length: 32 }, work);
  const count = (outcome: string): number =>
    [...outcomes.values()].filter((other) => other === outcome).length;
  for (let crash = 0; crash < 2; crash += 1) {
    await until(() => count("charged") > 300 * (crash + 1));
    const ended = count("failed") + count("refused");
    await server.crash();
    // Whoever waits to be admitted is refused; nobody need be waiting for a charge at that moment.
    await until(() => count("failed") + count("refused") > ended);
    await server.start();
  }
  await until(() => count("charged") > 2_000);
  stop.abort();
  await Promise.all(workers);
  await closeRealMeter(real);

  const rows = await database.query<{ requestId: string; charges: bigint; net: bigint }>(
    `SELECT c.request AS "requestId", count(*) AS charges, sum(-c.amount - coalesce(r.amount, 0))::bigint AS net
     FROM farebox.entries c LEFT JOIN farebox.refunds r USING (account_no, type_no, seq, shard)
     WHERE c.account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $1) AND c.kind = 'c' GROUP BY c.request`,
    [alice.accountId],
  );
  const books = new Map(rows.map((row) => [row.requestId, row]));
  for (const [requestId, outcome] of outcomes) {
    const entry = books.get(requestId);
    if (outcome === "charged") assert.deepEqual([entry?.charges, entry?.net], [1n, MICRO_PER_CREDIT]);
    else assert.equal(entry?.net ?? 0n, 0n, `${outcome} costs nothing`);
  }
  assert.equal(rows.filter(({ requestId }) => !outcomes.has(requestId)).length, 0);
  const [pool] = await database.query<{ balance: bigint; held: bigint }>(
    `SELECT balance, held FROM farebox.pools
     WHERE account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $1)`,
    [alice.accountId],
  );
  assert.deepEqual(pool, { balance: BigInt(START - count("charged")) * MICRO_PER_CREDIT, held: 0n });
});

async function until(condition: () => boolean): Promise<void> {
  const begun = performance.now();
  while (!condition()) {
    assert.ok(performance.now() - begun < 30_000, "not within 30 s");
    await sleep(20);
  }
}
