import assert from "node:assert/strict";
import { test } from "node:test";
import type { Admission, Settlement } from "../meter/meter.ts";
import type { HoldOutcome } from "./hold.ts";
import { OpenHold } from "./open-hold.ts";

const OUTCOME: HoldOutcome = { status: 200, units: undefined, content: "200" };

/** An admission of 10 credits that tells what became of it; each settlement waits until it is let go. */
function open() {
  const told: string[] = [];
  const waiting: PromiseWithResolvers<void>[] = [];
  const settlement: Settlement = {
    creditType: "credits",
    charged: 10n,
    uncollected: 0n,
    balance: 90n,
    units: 1,
    superseded: false,
    chargeId: "chg_1",
    refund: async () => void told.push("refunded"),
  };
  const admission = {
    decidedOnAnswer: false,
    chargedOn: () => true,
    settle: async () => {
      const gate = Promise.withResolvers<void>();
      waiting.push(gate);
      await gate.promise;
      told.push("charged");
      return settlement;
    },
    cancel: async () => void told.push("cancelled"),
  };
  // What a hold asks of an admission that is charged.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const hold = new OpenHold(
    { requestId: "r", accountId: "acc_1", endpoint: "GET /ten" },
    admission as Partial<Admission> as Admission,
    undefined,
  );
  return { hold, told, waiting };
}

const codeOf = (ending: Promise<unknown>): Promise<unknown> =>
  ending.then(
    () => "settled",
    (error: unknown) => Object(error).code,
  );

test("released and settled in one moment, it is released: nothing is charged behind the answer that it was", async () => {
  const { hold, told, waiting } = open();
  const [released, settled] = [hold.release("failed"), codeOf(hold.settle(OUTCOME))];
  for (const gate of waiting) gate.resolve();
  assert.deepEqual(await Promise.all([released, settled]), [0n, "hold_released"]);
  assert.deepEqual(told, ["cancelled"]);
});

test("settled and released in one moment, it is charged and given back", async () => {
  const { hold, told, waiting } = open();
  const [settled, released, again] = [hold.settle(OUTCOME), hold.release("torn"), hold.release("torn")];
  waiting[0]?.resolve();
  assert.deepEqual(await Promise.all([settled.then(({ kind }) => kind), released, again]), [
    "charged",
    10n,
    10n,
  ]);
  assert.deepEqual(told, ["charged", "refunded"]);
});

test("a release waits for the settlement that is tried again when the first has failed", async () => {
  const { hold, told, waiting } = open();
  const first = hold.settle(OUTCOME);
  const again = first.catch(() => hold.settle(OUTCOME));
  const released = hold.release("torn");
  waiting[0]?.reject(new Error("the database is away"));
  await assert.rejects(first);
  // The caller has asked again by now, or was told that it is too late: one of the two.
  waiting[1]?.resolve();
  const end = await again.then(
    ({ kind }) => kind,
    (error: unknown) => Object(error).code,
  );
  assert.deepEqual(
    [end, await released, told],
    end === "charged" ? ["charged", 10n, ["charged", "refunded"]] : ["hold_released", 0n, ["cancelled"]],
  );
});
