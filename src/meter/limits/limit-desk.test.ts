import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LimitRule } from "../../domain/limit-rule.ts";
import type { LimitAnswer, LimitAsk } from "../../ledger/ledger.ts";
import { Limiter } from "../limiter.ts";
import { ALICE, clockOf, newDatabase } from "../testing/open-fake-meter.ts";
import { LimitDesk } from "./limit-desk.ts";

const A_MINUTE: LimitRule = { match: "*", requests: 300, windowSeconds: 60, by: "account" };

/** An instance whose questions take the database so long. */
class SlowScene {
  readonly #database = newDatabase();
  readonly #clock = clockOf(this.#database);
  readonly #limiter: Limiter;
  readonly #asked: unknown[] = [];

  constructor(rule: LimitRule, answerMs: number) {
    const shareLimits = (_: number, asks: readonly LimitAsk[]): Promise<LimitAnswer> =>
      new Promise((resolve) => {
        this.#clock.after(answerMs, () => resolve(this.#database.shareLimits("one", asks)));
      });
    const desk = new LimitDesk({ ledger: { shareLimits }, clock: this.#clock });
    this.#limiter = new Limiter([rule], this.#clock, undefined, desk);
  }

  /** So many requests now, and time until the next ones. */
  async ask(count: number, ms: number): Promise<void> {
    for (let n = 0; n < count; n += 1) this.#asked.push(this.#limiter.count(ALICE, "GET", "/x"));
    await this.#clock.advance(ms);
  }

  async countAccepted(): Promise<number> {
    await this.#clock.advance(2_000);
    const answers = await Promise.all(this.#asked);
    return answers.filter((answer) => !Object.hasOwn(answer as object, "code")).length;
  }
}

describe("what waits for places of a limit", () => {
  for (const answerMs of [50, 150, 190]) {
    it(`is let through while there are some, however many come while a question is under way for ${answerMs} ms`, async () => {
      const scene = new SlowScene({ ...A_MINUTE, requests: 27 }, answerMs);
      for (const count of [1, 3, 2, 4, 3, 2, 4, 2, 3, 3]) await scene.ask(count, 40);
      assert.equal(await scene.countAccepted(), 27);
      await scene.ask(3, 0);
      assert.equal(await scene.countAccepted(), 27);
    });
  }
});
