import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Database } from "../ledger/database/database.ts";
import { assertSound, letTimePass, roll } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import {
  type CallAnswer,
  newCustomer,
  openSidecar,
  publishTestPrices,
  type SidecarUnderTest,
  type TestCustomer,
} from "./testing/sidecar-world.ts";

/** Holds a hundred: a credit for each result. */
const JOB = { method: "POST", path: "/results", body: { size: 100 } };

eachDatabase("long holds over HTTP", (openFresh) => {
  let db: Database;
  let one: SidecarUnderTest;
  let two: SidecarUnderTest;
  let jobs = 0;
  before(async () => {
    db = await openFresh();
    await publishTestPrices(db);
    one = await openSidecar(db);
    two = await openSidecar(db);
  });

  const newId = (): string => {
    jobs += 1;
    return `job ${jobs}`;
  };
  const authorize = (
    { key }: TestCustomer,
    more: object = {},
    sidecar: SidecarUnderTest = one,
  ): Promise<CallAnswer> => sidecar.call("/v1/authorize", { key, ttl: 86_400, id: newId(), ...JOB, ...more });
  const hold = async (customer: TestCustomer, more: object = {}): Promise<string> => {
    const { body } = await authorize(customer, more);
    assert.equal(typeof body.hold, "string", JSON.stringify(body));
    return body.hold;
  };
  const settle = (text: string, more: object, sidecar: SidecarUnderTest = one): Promise<CallAnswer> =>
    sidecar.call("/v1/settle", { hold: text, ...more });
  const codeOf = ({ status, body }: CallAnswer): string => `${status} ${body.code}`;
  const held = async ({ accountId, shard }: TestCustomer): Promise<number> => {
    const pools = await one.books.ledger.balances(accountId, shard);
    return Number(pools.find(({ creditType }) => creditType === "credits")?.held ?? 0n) / 1_000_000;
  };
  const pass = async (customer: TestCustomer, ms: number): Promise<void> => {
    const pool = { ...customer, creditType: "credits" };
    await letTimePass(db, pool, ms);
    await roll(db, pool);
  };

  test("a job is held for a day, and settled in parts at any instance, each once", async () => {
    const customer = await newCustomer(db, 250);
    const id = newId();
    const asked = await Promise.all(
      [one, two, one, two].map((sidecar) => authorize(customer, { id }, sidecar)),
    );
    const [first] = asked;
    for (const { body } of asked) {
      assert.deepEqual(
        [body.decision, body.hold, body.requestId, body.quote],
        ["admitted", first?.body.hold, first?.body.requestId, first?.body.quote],
      );
      assert.ok(body.expiresIn > 86_000 && body.expiresIn <= 86_400);
    }
    assert.equal(await held(customer), 100);
    const text = first?.body.hold;
    const parts = await Promise.all(
      [one, two, two, one].map((sidecar) => settle(text, { part: "a", units: 30 }, sidecar)),
    );
    for (const { body } of parts) {
      const { outcome, charged, balance, units, chargeId } = body;
      assert.deepEqual([outcome, charged, balance, units], ["charged", 30, 220, 30]);
      assert.equal(chargeId, parts[0]?.body.chargeId);
      assert.deepEqual(body.headers[0], { name: "Credits-Charged", value: "30" });
    }
    assert.equal((await settle(text, { part: "b", cost: "0.5" }, two)).body.charged, 0.5);
    assert.equal((await settle(text, { part: "failed", status: 500 })).body.outcome, "free");
    assert.equal(await held(customer), 69.5);
    assert.equal(codeOf(await settle(text, { part: "a", units: 31 })), "409 hold_settled");
    const last = await Promise.all([one, two].map((sidecar) => settle(text, { units: 2 }, sidecar)));
    assert.deepEqual(last[1]?.body, last[0]?.body);
    assert.equal(last[0]?.body.charged, 2);
    assert.equal(await held(customer), 0);
    assert.equal(codeOf(await settle(text, { part: "c", units: 1 }, two)), "409 hold_settled");
    assert.equal(codeOf(await settle(text, { units: 3 }, two)), "409 hold_settled");
    assert.equal((await authorize(customer, { id }, two)).body.hold, text);
    assert.deepEqual(await customer.entries(), [
      "charge 30 POST /results 200",
      "charge 0.5 POST /results 200",
      "charge 2 POST /results 200",
    ]);
  });

  test("it outlives the instance that made it, and nobody is asked where it was made", async () => {
    const customer = await newCustomer(db, 100);
    const dying = await openSidecar(db);
    const { body } = await authorize(customer, {}, dying);
    await dying.die();
    await dying.close().catch(() => undefined);
    assert.equal((await settle(body.hold, { part: "a", units: 60 }, two)).body.charged, 60);
    assert.equal((await two.call("/v1/extend", { hold: body.hold, ttl: 86_400 })).body.expiresIn, 86_400);
    assert.equal((await one.call("/v1/release", { hold: body.hold })).body.refunded, 0);
    assert.deepEqual([await held(customer), await customer.entries()], [0, ["charge 60 POST /results 200"]]);
  });

  test("what a long hold needs is said: an id in plain characters, no Idempotency-Key, a time that it can have", async () => {
    const customer = await newCustomer(db, 100);
    for (const [more, path] of [
      [{ id: undefined }, "id"],
      [{ id: "j\u0000b" }, "id"],
      [{ id: undefined, ttl: 60, long: true }, "id"],
      [{ long: false }, "ttl"],
      [{ ttl: 86_401 }, "ttl"],
    ] as const) {
      const { status, body } = await authorize(customer, more);
      assert.deepEqual([status, body.code, body.errors[0].path], [422, "request_invalid", path]);
    }
    const headers = { "idempotency-key": "k" };
    assert.equal(codeOf(await authorize(customer, { headers })), "422 hold_not_long");
    const short = (await authorize(customer, { ttl: 60 })).body.hold;
    assert.equal(codeOf(await one.call("/v1/extend", { hold: short, ttl: 901 })), "422 request_invalid");
    assert.equal(codeOf(await settle(short, { part: "a", units: 1 })), "422 part_not_possible");
    assert.equal((await one.call("/v1/release", { hold: short })).status, 200);
    assert.equal(codeOf(await settle(short, { part: "", units: 1 })), "422 request_invalid");
    const id = newId();
    await one.call("/v1/release", { hold: await hold(customer, { id, long: true, ttl: 5 }) });
    assert.equal(codeOf(await authorize(customer, { id, long: true, ttl: 6 }, two)), "409 hold_conflict");
    assert.equal(await held(customer), 0);
  });

  test("what is not covered is refused as ever; a free job holds nothing; the customer's own limit is for all parts", async () => {
    const poor = await newCustomer(db, 99);
    const { body } = await authorize(poor);
    assert.deepEqual(
      [body.decision, body.code, body.answer.status],
      ["refused", "insufficient_credits", 402],
    );
    assert.equal((await authorize(poor, { key: "fbx_nobody" })).body.code, "key_invalid");
    assert.equal((await authorize(poor, { max: 99 })).body.code, "quote_above_max");
    assert.equal((await authorize(poor, { method: "GET", path: "/free", body: undefined })).body.hold, null);
    const customer = await newCustomer(db, 300);
    const text = await hold(customer, { headers: { "credits-max": "110" } });
    assert.equal((await settle(text, { part: "a", units: 90 })).body.charged, 90);
    const over = (await settle(text, { units: 90 }, two)).body;
    assert.deepEqual([over.charged, over.uncollected], [20, 70]);
  });

  test("refusals and what nothing covered are counted as those of short holds are, at whichever instance", async () => {
    const counted = async (sidecar: SidecarUnderTest, run: () => Promise<CallAnswer>): Promise<string[]> => {
      sidecar.counted.splice(0);
      await run();
      return [...sidecar.counted];
    };
    const poor = await newCustomer(db, 99);
    assert.deepEqual(await counted(one, () => authorize(poor)), ["refused insufficient_credits"]);
    assert.deepEqual(await counted(one, () => authorize(poor, { max: 99 })), ["refused quote_above_max"]);
    const customer = await newCustomer(db, 120);
    const text = await hold(customer);
    const above = (): Promise<CallAnswer> => settle(text, { part: "a", units: 150 }, two);
    assert.deepEqual(await counted(two, above), ["uncollected 30"]);
    assert.deepEqual(await counted(two, above), [], "it was counted when it was charged");
    const decided = await hold(customer, { method: "GET", path: "/decided", body: undefined });
    assert.deepEqual(await counted(two, () => settle(decided, { units: 1 }, two)), [
      "refused insufficient_credits",
    ]);
    await two.call("/v1/release", { hold: decided });
    await two.call("/v1/release", { hold: text });
  });

  test("prices that stand for a whole job: parts say their cost, or there are none", async () => {
    const customer = await newCustomer(db, 100);
    const ten = await hold(customer, { method: "GET", path: "/ten", body: undefined });
    assert.equal(codeOf(await settle(ten, { part: "a" })), "422 part_not_possible");
    assert.equal(codeOf(await settle(ten, { part: "a", units: 1 })), "422 part_not_possible");
    assert.equal((await settle(ten, { part: "a", cost: 4 })).body.charged, 4);
    assert.equal(codeOf(await settle(ten, {}, two)), "422 part_not_possible");
    assert.equal((await settle(ten, { cost: 6 }, two)).body.charged, 6);
    const whole = await hold(customer, { method: "GET", path: "/ten", body: undefined });
    assert.equal((await settle(whole, {}, two)).body.charged, 10);
    const results = await hold(customer, { ...JOB, body: { size: 10 } });
    assert.equal(codeOf(await settle(results, { part: "a" })), "422 part_not_possible");
    await one.call("/v1/release", { hold: results });
    for (const path of ["/once?ip=7", "/decided"]) {
      const text = await hold(customer, { method: "GET", path, body: undefined });
      assert.equal(codeOf(await settle(text, { part: "a", cost: 1 })), "422 part_not_possible", path);
      assert.equal((await settle(text, { units: 3 }, two)).body.outcome, "charged", path);
    }
    const again = await hold(customer, { method: "GET", path: "/once?ip=7", body: undefined });
    assert.equal((await settle(again, {}, two)).body.charged, 0);
    const decided = await hold(customer, { method: "GET", path: "/decided", body: undefined });
    const refused = (await settle(decided, { units: 900 }, two)).body;
    assert.deepEqual([refused.outcome, refused.code], ["refused", "insufficient_credits"]);
    await two.call("/v1/release", { hold: decided });
    assert.equal(await held(customer), 0);
  });

  test("a job whose last settlement broke off is refunded by a release, once; its parts are not", async () => {
    const customer = await newCustomer(db, 100);
    const text = await hold(customer);
    await settle(text, { part: "a", units: 30 });
    await settle(text, { units: 20 });
    const released = await Promise.all(
      [one, two, one].map((sidecar) => sidecar.call("/v1/release", { hold: text })),
    );
    assert.deepEqual(
      released.map(({ body }) => body.refunded),
      [20, 20, 20],
    );
    assert.equal((await settle(text, { units: 20 }, two)).body.refunded, 20);
    assert.deepEqual(await customer.entries(), [
      "charge 30 POST /results 200",
      "charge 20 POST /results 200",
      "refund 20",
    ]);
  });

  test("it ends by itself; late parts are served for an hour, and several in one call", async () => {
    const customer = await newCustomer(db, 100);
    const text = await hold(customer, { ttl: 1_000 });
    await pass(customer, 1_000_000);
    assert.equal(await held(customer), 0);
    assert.equal(codeOf(await one.call("/v1/extend", { hold: text, ttl: 60 })), "410 hold_expired");
    const request = { hold: text, part: "a", units: 60 };
    const calls = ["a", "b", "a"].map((part) => ({ operation: "settle", request: { ...request, part } }));
    const { answers } = (await two.call("/v1/batch", { calls })).body;
    const said = answers.map(({ body }: CallAnswer) => [body.charged, body.uncollected]);
    assert.deepEqual(said[0], said[2]);
    assert.deepEqual(said.slice(0, 2).toSorted(), [
      [40, 20],
      [60, 0],
    ]);
    await pass(customer, 3_600_000);
    assert.equal(codeOf(await settle(text, { units: 1 })), "410 hold_expired");
  });

  test("a changed text is none", async () => {
    const customer = await newCustomer(db, 100);
    const text = await hold(customer);
    assert.equal(codeOf(await settle(text.replace(".", "A."), { units: 1 })), "404 hold_unknown");
    await two.call("/v1/release", { hold: text });
  });

  // Also where only some tests run.
  after(async () => {
    for (const sidecar of [one, two]) await sidecar.close();
    await assertSound(db, { atRest: true });
  });
});
