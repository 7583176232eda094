import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PendingSettle, SettleDeadlines } from "./settle-deadlines.ts";

class Pending extends PendingSettle {
  readonly #told: string[];
  readonly #name: string;

  constructor(told: string[], name: string) {
    super();
    this.#told = told;
    this.#name = name;
  }

  protected override overdue(): void {
    this.#told.push(this.#name);
  }
}

function line(timeoutMs: number) {
  const told: string[] = [];
  const deadlines = new SettleDeadlines(timeoutMs);
  const add = (now: number, name: string): Pending => {
    const pending = new Pending(told, name);
    deadlines.add(now, pending);
    return pending;
  };
  return { told, deadlines, add };
}

describe("SettleDeadlines", () => {
  it("answers what is due, oldest first, and nothing twice", () => {
    const { told, deadlines, add } = line(10);
    add(0, "a");
    const b = add(1, "b");
    add(2, "c");
    deadlines.check(9);
    assert.deepEqual(told, []);
    deadlines.check(11);
    assert.deepEqual(told, ["a", "b"]);
    assert.equal(b.claim(), false);
    deadlines.check(12);
    assert.deepEqual(told, ["a", "b", "c"]);
    assert.equal(deadlines.size, 0);
  });

  it("lets go of what is answered, also behind one that waits on", () => {
    const { told, deadlines, add } = line(10);
    const first = add(0, "first");
    const others = Array.from({ length: 5 }, (_, n) => add(n, `other ${n}`));
    for (const other of [others[4], others[0], others[2], others[1], others[3]]) {
      assert.equal(other?.claim(), true);
      assert.deepEqual([other?.older, other?.newer], [undefined, undefined]);
    }
    assert.equal(deadlines.size, 1);
    assert.deepEqual([first.older, first.newer], [undefined, undefined]);
    add(20, "last");
    deadlines.check(10);
    assert.deepEqual(told, ["first"]);
    assert.equal(deadlines.size, 1);
  });
});
