import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { findOperator } from "../../src/cli/operator/find-operator.ts";
import { createClient, type FareboxClient } from "../../src/client/index.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { type OpenMeter, openMeter } from "../../src/embed/meter.ts";
import { auditLedger } from "../../src/ledger/audit/audit.ts";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { createTestDatabase, type TestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { readTracked } from "../tidy/tracked-files.ts";

let books: TestDatabase;
let meter: OpenMeter;
let operator: FareboxClient;

before(async () => {
  books = await createTestDatabase("pglite");
  const { target } = books;
  assert.ok("directory" in target);
  // The page's own file.
  const [, yaml = ""] = /```yaml\n([^]*?)```/.exec(readTracked("docs/guide/meter.md")) ?? [];
  const dataDirectory = `${target.directory}-data`;
  meter = await openMeter(parseConfig("farebox.yaml", yaml, {}), {
    database: target,
    dataDirectory,
    operator: { host: "127.0.0.1", port: 0 },
  });
  operator = createClient(findOperator({ url: undefined, token: undefined, directory: dataDirectory }));
});
after(async () => {
  await meter?.close();
  await books.drop();
});

async function openCustomer(amount: number): Promise<{ id: string; key: string }> {
  const { id } = await operator.createAccount({ name: "Acme" });
  await operator.createGrant({ account: id, amount });
  const { key } = await operator.createKey({ account: id, name: "production" });
  return { id, key };
}

/** The page's function: what a worker does with a call. */
async function render(key: string, pages: number, draw: () => Promise<number>): Promise<unknown> {
  const decision = await meter.authorize({ key, method: "POST", path: "/render", body: { pages } });
  if (decision.decision !== "admitted" || decision.hold === null) return decision;
  const { hold } = decision;
  try {
    const units = await draw();
    return await meter.settle({ hold, units });
  } catch (error) {
    await meter.release({ hold });
    throw error;
  }
}

test("a call is held, and charged for what it counted; one that throws costs nothing", async () => {
  const { id, key } = await openCustomer(20);
  const during = await render(key, 5, async () => {
    assert.deepEqual(await meter.balance(key), [{ creditType: "credits", balance: "20", held: "10" }]);
    return 3;
  });
  assert.partialDeepStrictEqual(during, { outcome: "charged", charged: 6, units: 3, balance: 14 });
  await assert.rejects(
    render(key, 2, () => Promise.reject(new Error("out of paper"))),
    /out of paper/,
  );
  const { entries } = await operator.listEntries({ account: id });
  assert.deepEqual(
    entries.map(({ kind, amount }) => [kind, amount]),
    [
      ["charge", -6],
      ["grant", 20],
    ],
  );
  assert.equal((await meter.balance(key))[0]?.balance, "14");
});

test("who may not is refused with the answer to send, and many at once never pay more than there is", async () => {
  const { key } = await openCustomer(7);
  assert.partialDeepStrictEqual(await render(key, 5, async () => 5), {
    decision: "refused",
    code: "insufficient_credits",
    answer: { status: 402 },
  });
  const all = await Promise.all(Array.from({ length: 12 }, () => render(key, 1, async () => 1)));
  assert.equal(all.filter((one) => Object(one).outcome === "charged").length, 3);
  assert.equal((await meter.balance(key))[0]?.balance, "1");
  await assert.rejects(meter.balance("fbx_nobodys"), { code: "key_invalid" });
});

test("settling twice at once charges once; another content, and fields that are wrong, are refused", async () => {
  const { id, key } = await openCustomer(20);
  const ask = { key, method: "POST", path: "/render", body: { pages: 2 }, id: "job-1" };
  const [one, two] = await Promise.all([meter.authorize(ask), meter.authorize(ask)]);
  assert.deepEqual(one, two);
  assert.ok(one.decision === "admitted" && one.hold !== null);
  const { hold } = one;
  assert.ok((await meter.extend({ hold, ttl: 120 })).expiresIn > 100);
  const answers = await Promise.all([1, 2, 3].map(() => meter.settle({ hold, units: 2 })));
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
  await assert.rejects(meter.settle({ hold, units: 1 }), { code: "hold_settled" });
  const refunds = await Promise.all([1, 2].map(() => meter.release({ hold, reason: "torn" })));
  for (const { refunded } of refunds) assert.equal(refunded, 4);
  const { entries } = await operator.listEntries({ account: id });
  assert.deepEqual(
    entries.map(({ kind, amount }) => [kind, amount]),
    [
      ["refund", 4],
      ["charge", -4],
      ["grant", 20],
    ],
  );
  await assert.rejects(meter.authorize({ ...ask, method: "post", ttl: 0 }), (error: unknown) => {
    assert.equal(Object(error).code, "request_invalid");
    assert.deepEqual(
      Object(error).detail.errors.map(({ path }: { path: string }) => path),
      ["method", "ttl"],
    );
    return true;
  });
});

test("a job of hours is found again by its id, and charged in parts, each once", async () => {
  const { key } = await openCustomer(20);
  const job = { key, method: "POST", path: "/render", body: { pages: 8 }, ttl: 86_400, id: "job-17" };
  const held = await meter.authorize(job);
  assert.ok(held.decision === "admitted" && held.hold !== null);
  const { hold } = held;
  const again = await meter.authorize(job);
  assert.ok(again.decision === "admitted" && again.hold === hold);
  const parts = await Promise.all(["a", "a", "b"].map((part) => meter.settle({ hold, part, units: 2 })));
  for (const part of parts) assert.ok(part.outcome === "charged" && part.charged === 4);
  assert.deepEqual(await meter.balance(key), [{ creditType: "credits", balance: "12", held: "8" }]);
  await assert.rejects(meter.settle({ hold }), { code: "part_not_possible" });
  assert.equal((await meter.release({ hold })).refunded, 0);
  assert.deepEqual(await meter.balance(key), [{ creditType: "credits", balance: "12", held: "0" }]);
});

test("closing waits for what is held, holds nothing new, and leaves the books in order", async () => {
  const { key } = await openCustomer(20);
  const ask = { key, method: "POST", path: "/render", body: { pages: 1 } };
  const open = await meter.authorize(ask);
  assert.ok(open.decision === "admitted" && open.hold !== null);
  const closing = meter.close();
  await assert.rejects(meter.authorize(ask), { code: "overloaded" });
  assert.partialDeepStrictEqual(await meter.settle({ hold: open.hold, units: 1 }), { charged: 2 });
  await closing;
  const database = await openDatabase(books.target);
  assert.deepEqual((await auditLedger(database, { atRest: true })).findings, []);
  await database.close();
});
