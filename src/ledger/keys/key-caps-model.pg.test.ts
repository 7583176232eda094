import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KeyCap } from "../../domain/key-cap.ts";
import { openLedger } from "../open-ledger.ts";
import { refundCharge } from "../refunds/refund.ts";
import { addKey, assertSound, chargeOf, createPool, LEDGER, leaseOf } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { readKeyCaps, setKeyCaps } from "./key-caps.ts";

const NONE = { creditType: "credits", day: null, month: null, total: null } satisfies KeyCap;
const CAPS: readonly KeyCap[] = [
  { ...NONE, day: 150n, total: 400n },
  { ...NONE, month: 220n },
];

const step = fc.record({
  verb: fc.constantFrom("lease", "lease", "charge", "charge", "pool charge", "give back", "refund"),
  key: fc.nat(1),
  instance: fc.nat(2),
  amount: fc.bigInt(1n, 60n),
});

/** On a database of its own, whose whole audit follows all cases. */
eachDatabase("caps of keys against chance", (openFresh) => {
  test("whatever is leased, charged, given back and refunded, no key spends more than its caps", async () => {
    const db = await openFresh();
    const instances = await Promise.all([0, 1, 2].map(() => openLedger(db, LEDGER)));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 12 }), { maxLength: 6 }), async (rounds) => {
        const pool = await createPool(db, 600n);
        const keys = await Promise.all(CAPS.map(async () => (await addKey(db, pool)).keyId));
        for (const [index, keyId] of keys.entries()) {
          const caps = [CAPS[index] ?? assert.fail()];
          await db.transaction((tx) => setKeyCaps(tx, { ...pool, keyId }, caps));
        }
        const charged: number[] = [];
        const carryOut = async (
          { verb, key, instance, amount }: typeof step extends fc.Arbitrary<infer Step> ? Step : never,
          index: number,
        ): Promise<void> => {
          const capKey = keys[key] ?? assert.fail();
          const on = instances[instance] ?? assert.fail();
          if (verb === "lease") await on.lease(leaseOf(pool, amount, { capKey, want: amount * 4n }));
          else if (verb === "give back") await on.lease(leaseOf(pool, 0n, { capKey, giveBack: amount }));
          else if (verb === "refund") {
            const seq = charged[index % Math.max(1, charged.length)];
            if (seq === undefined) return;
            await refundCharge(db, { pool, seq, amount: "all", reason: "", reference: "r" });
          } else {
            const lease = verb === "charge" ? ({ hold: "lease", capKey } as const) : {};
            const { seq } = await on.charge(chargeOf(pool, amount, { keyId: capKey, ...lease }));
            if (seq !== null) charged.push(seq);
          }
        };
        for (const round of rounds) {
          await Promise.all(round.map(carryOut));
          for (const [index, keyId] of keys.entries()) {
            const [{ spent, held } = assert.fail()] = await readKeyCaps(db, pool, [keyId]);
            for (const window of ["day", "month", "total"] as const) {
              const cap = CAPS[index]?.[window] ?? null;
              if (cap !== null)
                assert.ok(spent[window] + held <= cap, `${window}: ${spent[window]} + ${held}`);
            }
          }
        }
      }),
      { numRuns: 30 },
    );
    await assertSound(db);
    for (const instance of instances) await instance.close();
  });
});
