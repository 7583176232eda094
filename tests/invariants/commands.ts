import assert from "node:assert/strict";
import fc from "fast-check";
import { adjustPool } from "../../src/ledger/pools/adjust.ts";
import { grantCredits } from "../../src/ledger/pools/grant.ts";
import { refundCharge } from "../../src/ledger/refunds/refund.ts";
import { chargeOf, letTimePass, readPool, roll } from "../../src/ledger/testing/books.ts";
import { assign, cancel, keep } from "./plan-commands.ts";
import { instance, instanceOf, Step, some } from "./step.ts";
import { clockBack, death, leaseStep, lockedCharge, restart } from "./troubles.ts";

const HOUR_MS = 3_600_000;
const HOUR_SECONDS = 3600;

/** Grants and expiries lie a second inside the hour, so that the seconds a test takes change nothing. */
const inHours = (hours: number): Date => new Date(Date.now() + hours * HOUR_MS);

const amount = fc.bigInt({ min: 0n, max: 120n });
const holdId = fc.constantFrom("h1", "h2", "h3", "h4", "h5");

const grant = fc
  .record({
    amount: some,
    source: fc.constantFrom("topup" as const, "promo" as const),
    priority: fc.constantFrom(50, 100),
    starts: fc.constantFrom(0, 0, 0, 2),
    lasts: fc.option(fc.integer({ min: 1, max: 6 })),
    reference: fc.option(fc.constantFrom("g1", "g2", "g3")),
  })
  .map(
    (given) =>
      new Step(
        `grant ${JSON.stringify(given, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value))}`,
        async (model, { db, pool }) => {
          const { amount: credits, source, priority, starts, lasts } = given;
          const reference = given.reference ?? undefined;
          const isKnown = reference !== undefined && model.references.has(reference);
          const asked = grantCredits(db, {
            pool,
            amount: credits,
            source,
            priority,
            reference,
            effectiveAt: starts === 0 ? null : inHours(starts),
            expiresAt: lasts === null ? null : inHours(starts + lasts),
          });
          if (isKnown) {
            await asked.then(
              ({ repeated }) => assert.equal(repeated, true),
              (error: { code?: string }) => assert.equal(error.code, "grant_conflict"),
            );
            return;
          }
          await asked;
          if (reference !== undefined) model.references.add(reference);
          const effectiveAt = model.moment(starts);
          model.add({
            amount: credits,
            source,
            priority,
            effectiveAt,
            expiresAt: lasts === null ? null : effectiveAt + lasts,
          });
        },
      ),
  );

const lease = fc.record({ instance, giveBack: amount, need: amount, want: amount }).map(leaseStep);

const releaseLease = fc.record({ instance, back: amount }).map(
  ({ instance: index, back }) =>
    new Step(`release lease ${index} ${back}`, async (model, world) => {
      const held = model.leases.get(index) ?? 0n;
      // The meter never gives back more than it has.
      const given = back < held ? back : held;
      await instanceOf(world, index).release({ pool: world.pool, hold: "lease", amount: given });
      model.leases.set(index, held - given);
      model.expireOverdue();
    }),
);

const hold = fc.record({ instance, id: holdId, amount, hours: fc.integer({ min: 1, max: 4 }) }).map(
  ({ instance: index, id, amount: credits, hours }) =>
    new Step(`hold ${id} ${credits} ${hours}h`, async (model, world) => {
      const item = { pool: world.pool, id, amount: credits, ttlSeconds: hours * HOUR_SECONDS };
      const result = await instanceOf(world, index).hold(item);
      const before = model.holds.get(id);
      if (before !== undefined) {
        const isSame = before.state === "live" && before.asked === credits;
        if (isSame) assert.equal(result.kind, "held");
        else assert.deepEqual(result, { kind: "conflict", state: before.state });
      } else if (model.available < credits) {
        assert.equal(result.kind, "insufficient");
      } else {
        assert.equal(result.kind, "held");
        model.holds.set(id, {
          asked: credits,
          amount: credits,
          expiresAt: model.moment(hours),
          state: "live",
          charge: undefined,
        });
      }
    }),
);

const releaseHold = fc.record({ instance, id: holdId }).map(
  ({ instance: index, id }) =>
    new Step(`release ${id}`, async (model, world) => {
      const { released } = await instanceOf(world, index).release({
        pool: world.pool,
        hold: { id },
        amount: 0n,
      });
      const before = model.holds.get(id);
      assert.equal(released, before?.state === "live" ? before.amount : 0n);
      if (before?.state === "live") {
        before.state = "released";
        before.amount = 0n;
      }
      model.expireOverdue();
    }),
);

const charge = fc
  .record({
    instance,
    amount,
    from: fc.constantFrom("lease", "pool", "whole", "h1", "h2", "h3", "h4", "h5"),
    once: fc.option(fc.constantFrom("v1", "v2"), { freq: 4 }),
  })
  .map(
    ({ instance: index, amount: credits, from, once }) =>
      new Step(`charge ${credits} of ${from} ${once ?? ""}`, async (model, world) => {
        const isWhole = from === "whole";
        const source = from === "lease" ? index : from === "pool" || isWhole ? null : from;
        const item = chargeOf(world.pool, credits, {
          hold: from === "lease" ? "lease" : from === "pool" || isWhole ? null : { id: from },
          ...(isWhole && { whole: true }),
          once: once === null ? undefined : { value: once, withinSeconds: 3 * HOUR_SECONDS },
        });
        const charging = instanceOf(world, index).charge(item);
        if (typeof source === "string" && !model.holds.has(source)) {
          await assert.rejects(charging, { code: "hold_unknown" });
          return;
        }
        const { kind, shortage, ...result } = await charging;
        const window = once === null ? undefined : { value: once, hours: 3 };
        if (isWhole && model.isShortOf(credits, window)) {
          assert.deepEqual([kind, result.seq, shortage?.available], ["short", null, model.available]);
          return;
        }
        const expected = model.charge(credits, source, window);
        if (expected === "repeat") {
          assert.deepEqual([kind, result.charged], ["repeat", 0n]);
          return;
        }
        assert.deepEqual(result, expected);
        if (result.seq !== null && !world.charges.includes(result.seq)) world.charges.push(result.seq);
      }),
  );

const refund = fc
  .record({ which: fc.nat(), amount: fc.option(some), reference: fc.constantFrom("r1", "r2", "r3") })
  .map(
    ({ which, amount: part, reference }) =>
      new Step(`refund ${which} ${part ?? "all"} ${reference}`, async (model, { db, pool, charges }) => {
        const seq = charges[which % charges.length];
        if (seq === undefined) return;
        const name = `refund ${seq} ${reference}`;
        const refunding = refundCharge(db, { pool, seq, amount: part ?? "all", reason: "broken", reference });
        const asked = model.refunds.get(name);
        if (asked !== undefined) {
          if (asked === (part ?? "all")) assert.equal((await refunding).repeated, true);
          else await assert.rejects(refunding, { code: "refund_conflict" });
          return;
        }
        const expected = model.refund(seq, part ?? "all");
        if (expected === "exceeds") {
          await assert.rejects(refunding, { code: "refund_exceeds_charge" });
          return;
        }
        assert.equal((await refunding).refunded, expected);
        model.refunds.set(name, part ?? "all");
      }),
  );

const adjust = fc
  .record({ amount: some, isTaken: fc.boolean(), reference: fc.constantFrom("a1", "a2", "a3") })
  .map(
    ({ amount: credits, isTaken, reference }) =>
      new Step(`adjust ${isTaken ? "-" : ""}${credits} ${reference}`, async (model, { db, pool }) => {
        const signed = isTaken ? -credits : credits;
        const adjusting = adjustPool(db, { pool, amount: signed, reason: "by hand", reference });
        const name = `adjust ${reference}`;
        if (model.references.has(name)) {
          await adjusting.then(
            ({ repeated }) => assert.equal(repeated, true),
            (error: { code?: string }) => assert.equal(error.code, "adjustment_conflict"),
          );
          return;
        }
        if (!model.adjust(signed)) {
          await assert.rejects(adjusting, { code: "adjustment_exceeds_available" });
          return;
        }
        assert.equal((await adjusting).balance, model.balance);
        model.references.add(name);
      }),
  );

/**
 * What passes besides the hours. A recurring grant is told by the moment that its periods are counted from, which moves back too: no
 * two may meet. And what begins while the pool's time is ahead of a clock that stepped back ends as much later: no more than this.
 */
const APART_MS = 60_000;

const pass = fc.constantFrom(1, 2, 3, 5, 12, 24, 24, 24).map(
  (hours) =>
    new Step(`${hours}h pass`, async (model, { db, pool }) => {
      await letTimePass(db, pool, hours * HOUR_MS + APART_MS);
      model.pass(hours);
    }),
);

const rollNow = fc.constant(
  new Step("roll", async (model, { db, pool }) => {
    await roll(db, pool);
    const row = await readPool(db, pool);
    assert.deepEqual(
      [row.balance, row.held, row.lastSeq, row.uncollected],
      [model.balance, model.held, BigInt(model.seq), model.uncollected],
    );
  }),
);

export const commands = fc.commands(
  [
    grant,
    grant,
    lease,
    lease,
    releaseLease,
    hold,
    hold,
    releaseHold,
    charge,
    charge,
    charge,
    charge,
    refund,
    refund,
    adjust,
    assign,
    assign,
    cancel,
    keep,
    pass,
    pass,
    pass,
    clockBack,
    lockedCharge,
    rollNow,
    restart,
    death,
  ],
  { maxCommands: 30, size: "max" },
);
