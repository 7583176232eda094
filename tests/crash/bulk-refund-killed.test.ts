import assert from "node:assert/strict";
import { test } from "node:test";
import { bulkRefundBody } from "../../src/api/wire/bulk-refund.ts";
import { instanceBody } from "../../src/api/wire/instance.ts";
import { assertAtRest, auditByCommand, readBooks } from "./books.ts";
import { eventually } from "./eventually.ts";
import { COST, type Customer, type FareboxInstance } from "./farebox-process.ts";
import { LoggingClient } from "./logging-client.ts";
import { Scene } from "./scene.ts";

const CUSTOMERS = 4;
const REQUESTS = 150;
const CREDITS = 10_000;

/** Each customer sends its requests one after the other; all are charged. */
async function spend(instance: FareboxInstance, customers: readonly Customer[]): Promise<void> {
  const sends = customers.map(async (customer) => {
    const client = new LoggingClient([]);
    for (let number = 0; number < REQUESTS; number += 1) {
      const { status } = await client.call(instance.gatewayPort, {
        ...customer,
        call: `${customer.accountId}-${number}`,
      });
      assert.equal(status, 200);
    }
    client.leave();
  });
  await Promise.all(sends);
}

/** A moment behind every charge so far by the database's clock, which counts finer than the times on the wire. */
async function readNextMillisecond({ operator }: FareboxInstance): Promise<string> {
  const read = async (): Promise<string> => (await operator.get("/v1/instance", instanceBody)).database.now;
  const charged = await read();
  return await eventually("the clock goes on", async () => {
    const now = await read();
    return now > charged ? now : undefined;
  });
}

for (const kind of ["postgres", "pglite"] as const) {
  test(`kill -9 in the middle of a bulk refund on ${kind}: the next instance goes on, each charge is refunded once`, async (context) => {
    const scene = await Scene.open(context, kind);
    scene.upstream.script = (call) => call.succeed();
    const first = await scene.start();
    const customers = await Promise.all(Array.from({ length: CUSTOMERS }, () => first.openAccount(CREDITS)));
    await spend(first, customers);
    const { id, charges } = await first.operator.post("/v1/bulk-refunds", bulkRefundBody, {
      filter: { from: "2020-01-01", to: await readNextMillisecond(first), endpoint: "POST /work" },
      reason: "outage",
    });
    assert.equal(charges.total, CUSTOMERS * REQUESTS);
    const read = (instance: FareboxInstance) =>
      instance.operator.get(`/v1/bulk-refunds/${id}`, bulkRefundBody);
    const seen = await eventually("some charges are refunded", async () => {
      const bulk = await read(first);
      return bulk.charges.done > 0 ? bulk : undefined;
    });
    await first.kill();
    assert.equal(seen.state, "running", "it was killed in the middle");

    const next = await scene.start();
    // Requests go on meanwhile.
    await spend(next, customers.slice(0, 1));
    const done = await eventually("the bulk refund is done", async () => {
      const bulk = await read(next);
      return bulk.state === "running" ? undefined : bulk;
    });
    const total = CUSTOMERS * REQUESTS;
    assert.deepEqual(done.charges, { total, done: total, skipped: 0, failed: 0 });
    assert.deepEqual(done.credits.done, { credits: total * COST });
    for (const { accountId } of customers) await next.atRest(accountId);
    assert.equal((await next.terminate()).code, 0);

    const books = await readBooks(scene.database);
    assertAtRest(books);
    const refunds = books.entries.filter(({ kind: of }) => of === "refund");
    const refunded = new Set(refunds.map(({ accountId, refundOf }) => `${accountId} ${refundOf}`));
    assert.deepEqual([refunds.length, refunded.size], [total, total], "each charge once");
    assert.ok(refunds.every(({ amount }) => amount === COST));
    await auditByCommand(scene.database);
  });
}
