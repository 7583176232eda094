import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Database } from "../ledger/database/database.ts";
import { assertSound } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import {
  newCustomer,
  openSidecar,
  publishTestPrices,
  type SidecarUnderTest,
} from "./testing/sidecar-world.ts";

eachDatabase("holds of an instance that died", (openFresh) => {
  let db: Database;
  /** Those that stay. */
  let one: SidecarUnderTest;
  let two: SidecarUnderTest;
  const opened: SidecarUnderTest[] = [];
  const open = async (): Promise<SidecarUnderTest> => {
    const sidecar = await openSidecar(db);
    opened.push(sidecar);
    return sidecar;
  };
  before(async () => {
    db = await openFresh();
    await publishTestPrices(db);
    one = await open();
    two = await open();
  });

  const settle = (sidecar: SidecarUnderTest, hold: string, more: object = {}) =>
    sidecar.call("/v1/settle", { hold, ...more });

  test("while it lives they are settled there only; afterwards anywhere, once, however many try at once", async () => {
    const customer = await newCustomer(db, 100);
    const dying = await open();
    const hold = await dying.hold(customer, "/results", { method: "POST", body: { size: 9 } });
    const early = await settle(one, hold, { units: 4 });
    assert.deepEqual(
      [early.status, early.body.code, early.headers.get("retry-after")],
      [503, "hold_elsewhere", "1"],
    );
    await dying.die();
    const answers = await Promise.all(
      [one, two, dying, one].map((sidecar) => settle(sidecar, hold, { units: 4 })),
    );
    answers.push(await settle(two, hold, { units: 4 }));
    for (const { body } of answers) {
      assert.deepEqual([body.outcome, body.charged, body.uncollected, body.balance], ["charged", 4, 0, 96]);
      assert.equal(body.chargeId, answers[0]?.body.chargeId);
    }
    assert.deepEqual(await customer.entries(), ["charge 4 POST /results 200"]);
  });

  test("what it charged and nobody heard of is found in the books", async () => {
    const customer = await newCustomer(db, 10);
    const dying = await open();
    const hold = await dying.hold(customer, "/ten");
    const told = await settle(dying, hold);
    await dying.die();
    const again = await settle(one, hold);
    assert.deepEqual(again.body, told.body);
    const released = await Promise.all([one, two].map((sidecar) => sidecar.call("/v1/release", { hold })));
    assert.deepEqual(
      released.map(({ body }) => body.refunded),
      [10, 10],
    );
    assert.equal((await settle(two, hold)).body.refunded, 10);
    assert.deepEqual(await customer.entries(), ["charge 10 GET /ten 200", "refund 10"]);
  });

  test("its credits are free for others at once, and a hold that is settled then takes what is there", async () => {
    const customer = await newCustomer(db, 10);
    const dying = await open();
    const hold = await dying.hold(customer, "/ten");
    await dying.die();
    await dying.close().catch(() => undefined);
    const other = await one.hold(customer, "/once?ip=2");
    assert.equal((await settle(one, other)).body.charged, 5);
    const { body } = await settle(two, hold);
    assert.deepEqual([body.charged, body.uncollected, body.balance], [5, 5, 0]);
    assert.deepEqual(two.counted, ["uncollected 5"]);
    assert.equal((await settle(two, hold)).body.uncollected, 5);
  });

  test("what one lacked is counted once, by whoever charged it, however many settle it at the same moment", async () => {
    const customer = await newCustomer(db, 10);
    const dying = await open();
    const hold = await dying.hold(customer, "/ten");
    await dying.die();
    await dying.close().catch(() => undefined);
    const other = await one.hold(customer, "/once?ip=3");
    await settle(one, other);
    for (const { counted } of [one, two]) counted.splice(0);
    const answers = await Promise.all([one, two, one, two].map((sidecar) => settle(sidecar, hold)));
    for (const { body } of answers) assert.deepEqual([body.charged, body.uncollected], [5, 5]);
    assert.deepEqual([...one.counted, ...two.counted], ["uncollected 5"]);
  });

  test("a failed or released one costs nothing, one decided on the answer is charged whole or refused", async () => {
    const customer = await newCustomer(db, 10);
    const dying = await open();
    const failed = await dying.hold(customer, "/ten");
    await dying.call("/v1/release", { hold: failed });
    const decided = await dying.hold(customer, "/decided");
    const once = await dying.hold(customer, "/once?ip=1");
    await dying.die();
    assert.equal((await settle(one, failed, { status: 502 })).body.outcome, "free");
    assert.equal((await one.call("/v1/release", { hold: failed })).body.refunded, 0);
    one.counted.splice(0);
    const refused = await settle(one, decided, { units: 6 });
    assert.deepEqual(one.counted, ["refused insufficient_credits"]);
    assert.deepEqual([refused.body.outcome, refused.body.code], ["refused", "insufficient_credits"]);
    assert.equal((await settle(one, decided, { units: 2 })).body.charged, 4);
    assert.equal((await settle(one, once)).body.charged, 5);
    const repeated = await one.hold(customer, "/once?ip=1");
    assert.equal((await settle(one, repeated)).body.charged, 0);
    assert.deepEqual(await customer.entries(), ["charge 4 GET /decided 200", "charge 5 GET /once 200"]);
  });

  // Also where only some tests run.
  after(async () => {
    for (const sidecar of opened) await sidecar.close().catch(() => undefined);
    await assertSound(db, { atRest: true });
  });
});
