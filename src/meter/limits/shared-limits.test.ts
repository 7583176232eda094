import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LimitRule } from "../../domain/limit-rule.ts";
import { ALICE, clockOf, type FakeMeter, newDatabase, openFakeMeter } from "../testing/open-fake-meter.ts";

const A_MINUTE: LimitRule = { match: "*", requests: 300, windowSeconds: 60, by: "account" };

/** Three instances on one database, and when each request was accepted. */
class Scene {
  readonly database = newDatabase();
  readonly clock = clockOf(this.database);
  readonly accepted: number[] = [];
  refused = 0;
  waited = 0;
  meters: readonly FakeMeter[] = [];

  async open(rule: LimitRule, count = 3): Promise<this> {
    this.meters = await Promise.all(
      Array.from({ length: count }, () => openFakeMeter(this.database, { limits: [rule] })),
    );
    return this;
  }

  /** Asks one instance so many times at once. */
  async ask(index: number, count = 1, identity = ALICE): Promise<void> {
    const { meter } = this.meters[index] ?? assert.fail();
    const answers = Array.from({ length: count }, async () => {
      const answer = meter.limit(identity, "GET", "/x");
      if (answer instanceof Promise) this.waited += 1;
      return await answer;
    });
    for (const answer of await Promise.all(answers)) {
      assert.ok(answer !== undefined);
      if ("code" in answer) this.refused += 1;
      else this.accepted.push(this.clock.now());
    }
  }

  /** Never more than the limit and a twentieth of it in any span of a window. */
  assertWithin({ requests, windowSeconds }: LimitRule): void {
    const times = this.accepted.toSorted((one, other) => one - other);
    for (const [index, time] of times.entries()) {
      const earlier = times[index - requests * 1.05];
      if (earlier === undefined) continue;
      assert.ok(time - earlier >= windowSeconds * 1_000, `${requests + 1} from ${earlier} to ${time}`);
    }
  }

  async close(): Promise<void> {
    for (const { meter } of this.meters) await meter.close();
  }
}

describe("a limit over three instances", () => {
  it("lets exactly as many through as it says when all are asked at once", async () => {
    const scene = await new Scene().open(A_MINUTE);
    const asking = Promise.all([0, 1, 2].map((index) => scene.ask(index, 300)));
    await scene.clock.advance(1_000);
    await asking;
    assert.equal(scene.accepted.length, 300);
    assert.equal(scene.refused, 600);
    await scene.close();
  });

  for (const requests of [1, 2, 18]) {
    it(`is exact for ${requests} a minute`, async () => {
      const rule = { ...A_MINUTE, requests };
      const scene = await new Scene().open(rule);
      for (let step = 0; step < 40; step += 1) {
        const asking = scene.ask(step % 3, 3);
        await scene.clock.advance(500);
        await asking;
      }
      assert.equal(scene.accepted.length, requests);
      await scene.close();
    });
  }

  it("holds in every span, and is used to 95 % where one instance gets most of the traffic", async () => {
    const scene = await new Scene().open(A_MINUTE);
    // Twice what is allowed for five minutes: ten requests a second, of which eight go to the first.
    for (let second = 0; second < 300; second += 1) {
      const asking = Promise.all([
        scene.ask(0, 8),
        ...(second % 2 === 0 ? [scene.ask(1, 2)] : []),
        ...(second % 2 === 1 ? [scene.ask(2, 2)] : []),
      ]);
      await scene.clock.advance(1_000);
      await asking;
    }
    scene.assertWithin(A_MINUTE);
    assert.ok(scene.accepted.length >= 0.95 * 5 * 300, `${scene.accepted.length} of 1500`);
    await scene.close();
  });

  it("follows the traffic from one instance to another", async () => {
    const scene = await new Scene().open(A_MINUTE);
    for (const index of [0, 1, 2]) {
      const before = scene.accepted.length;
      for (let second = 0; second < 120; second += 1) {
        const asking = scene.ask(index, 8);
        await scene.clock.advance(1_000);
        await asking;
      }
      const accepted = scene.accepted.length - before;
      assert.ok(accepted >= 0.95 * 2 * 300, `${accepted} of 600 on ${index}`);
    }
    scene.assertWithin(A_MINUTE);
    await scene.close();
  });

  it("asks the database far less often than it is asked, and lets nobody wait once it knows the others", async () => {
    const scene = await new Scene().open({ ...A_MINUTE, requests: 30_000 });
    await Promise.all([0, 1, 2].map((index) => scene.ask(index)));
    for (let second = 0; second < 60; second += 1) {
      const asking = Promise.all([0, 1, 2].map((index) => scene.ask(index, 100)));
      await scene.clock.advance(1_000);
      await asking;
    }
    assert.equal(scene.accepted.length, 18_003);
    assert.equal(scene.waited, 3, "the first of each");
    assert.ok((scene.database.calls.get("shareLimits") ?? 0) <= 3 * 60 * 4, "at most one a look");
    await scene.close();
  });

  it("tells what is left of all of it", async () => {
    const scene = await new Scene().open(A_MINUTE, 1);
    const [fake] = scene.meters;
    assert.ok(fake);
    await scene.ask(0, 10);
    const state = await fake.meter.limit(ALICE, "GET", "/x");
    assert.deepEqual(state, { limit: 300, remaining: 289, windowSeconds: 60, resetSeconds: 60 });
    await scene.close();
  });

  for (const state of ["down", "deaf"] as const) {
    it(`goes on while the database is ${state}: each instance with its part, together not more`, async () => {
      const scene = await new Scene().open(A_MINUTE);
      await Promise.all([0, 1, 2].map((index) => scene.ask(index, 10)));
      await scene.clock.advance(1_000);
      scene.database.state = state;
      const asking = (async () => {
        for (const index of [0, 1, 2]) await scene.ask(index, 300);
      })();
      await scene.clock.advance(3_000);
      await asking;
      scene.assertWithin(A_MINUTE);
      assert.ok(scene.accepted.length >= 250, `${scene.accepted.length} of 300`);
      scene.database.recover();
      await scene.clock.advance(120_000);
      const before = scene.accepted.length;
      const again = scene.ask(1, 300);
      await scene.clock.advance(1_000);
      await again;
      assert.equal(scene.accepted.length - before, 300, "all of it, once the database is back");
      await scene.close();
    });
  }

  it("honours what an instance that died has let through, and gives its places to the others a window later", async () => {
    const scene = await new Scene().open(A_MINUTE);
    await scene.ask(0, 200);
    await scene.meters[0]?.meter.close();
    const [, one] = scene.meters;
    assert.ok(one);
    const first = scene.ask(1, 300);
    await scene.clock.advance(1_000);
    await first;
    assert.ok(scene.accepted.length <= 300 && scene.accepted.length >= 285, `${scene.accepted.length}`);
    await scene.clock.advance(60_000);
    const second = scene.ask(1, 300);
    await scene.clock.advance(1_000);
    await second;
    scene.assertWithin(A_MINUTE);
    assert.ok(scene.accepted.length >= 585, `${scene.accepted.length}`);
    await scene.meters[1]?.meter.close();
    await scene.meters[2]?.meter.close();
  });

  it("keeps nothing of accounts that have gone quiet", async () => {
    const scene = await new Scene().open(A_MINUTE);
    for (let n = 0; n < 500; n += 1) await scene.ask(0, 1, { ...ALICE, accountId: `acc_${n}` });
    await scene.clock.advance(180_000);
    const held = [...scene.database.places.values()].flatMap((shares) =>
      [...shares.values()].filter(({ count, until }) => count > 0 && until > scene.clock.now()),
    );
    assert.deepEqual(held, []);
    await scene.close();
  });
});
