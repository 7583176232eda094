import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BatchSlots } from "./batch-slots.ts";

describe("batch slots", () => {
  /** Takes a slot for so many items; the returned list grows when it was given. */
  const ask = (
    slots: BatchSlots,
    items: number,
  ): { readonly isGiven: () => boolean; taken: Promise<void> } => {
    let given = false;
    const taken = slots.take(() => items).then(() => void (given = true));
    return { isGiven: () => given, taken };
  };

  test("of small batches as many leave at a time as there are servers; the next one leaves when one has returned", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    for (const servers of [1, 2, 3]) {
      const slots = new BatchSlots(Number.POSITIVE_INFINITY, servers);
      for (let n = 0; n < servers; n += 1) await ask(slots, 1).taken;
      const next = ask(slots, 63);
      await Promise.resolve();
      assert.equal(next.isGiven(), false, `${servers} in flight`);
      slots.give();
      await next.taken;
    }
  });

  test("a large batch leaves beside them, also one that grew large while it waited", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const slots = new BatchSlots(Number.POSITIVE_INFINITY);
    await ask(slots, 1).taken;
    await ask(slots, 64).taken;
    let items = 1;
    const growing = slots.take(() => items);
    items = 64;
    slots.grown(items);
    await growing;
  });

  test("a small batch waits 20 ms for others, and then leaves beside them; never beyond the most", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const slots = new BatchSlots(2);
    await ask(slots, 1).taken;
    const second = ask(slots, 1);
    await Promise.resolve();
    t.mock.timers.tick(20);
    await second.taken;
    const third = ask(slots, 64);
    t.mock.timers.tick(60);
    await Promise.resolve();
    assert.equal(third.isGiven(), false, "two are the most");
    slots.give();
    await third.taken;
  });
});
