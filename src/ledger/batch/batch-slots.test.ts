import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BatchSlots, type Slot } from "./batch-slots.ts";

describe("batch slots", () => {
  /** Takes a slot for so many items; the returned list grows when it was given. */
  const ask = (
    slots: BatchSlots,
    items: number,
  ): { readonly isGiven: () => boolean; taken: Promise<Slot> } => {
    let given = false;
    const taken = slots
      .take(() => items)
      .then((slot) => {
        given = true;
        return slot;
      });
    return { isGiven: () => given, taken };
  };

  test("of small batches as many leave at a time as there are servers; the next one leaves when one has returned", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    for (const servers of [1, 2, 3]) {
      const slots = new BatchSlots(Number.POSITIVE_INFINITY, servers);
      const taken: Slot[] = [];
      for (let n = 0; n < servers; n += 1) taken.push(await ask(slots, 1).taken);
      const next = ask(slots, 63);
      await Promise.resolve();
      assert.equal(next.isGiven(), false, `${servers} in flight`);
      for (const slot of taken.slice(0, 1)) slots.give(slot);
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
    const first = await ask(slots, 1).taken;
    const second = ask(slots, 1);
    await Promise.resolve();
    t.mock.timers.tick(20);
    await second.taken;
    const third = ask(slots, 64);
    t.mock.timers.tick(60);
    await Promise.resolve();
    assert.equal(third.isGiven(), false, "two are the most");
    slots.give(first);
    await third.taken;
  });

  test("one that others have waited for in vain hangs: nobody waits for it again", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const slots = new BatchSlots(Number.POSITIVE_INFINITY);
    await ask(slots, 1).taken;
    const second = ask(slots, 1);
    await Promise.resolve();
    t.mock.timers.tick(20);
    slots.give(await second.taken);
    const third = ask(slots, 1);
    await third.taken;
    const fourth = ask(slots, 1);
    await Promise.resolve();
    assert.equal(fourth.isGiven(), false, "the third is waited for");
    slots.give(await third.taken);
    await fourth.taken;
  });
});
