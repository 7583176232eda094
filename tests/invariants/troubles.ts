import assert from "node:assert/strict";
import fc from "fast-check";
import { grantCredits } from "../../src/ledger/pools/grant.ts";
import { poolKeyOf } from "../../src/ledger/pools/pool-key.ts";
import { chargeOf, SHARDS } from "../../src/ledger/testing/books.ts";
import { sweep } from "../../src/ledger/testing/sweep.ts";
import type { BooksModel } from "./books-model.ts";
import { instance, instanceOf, Step, some, type World } from "./step.ts";

const HOUR_MS = 3_600_000;

/** The server's clock is set back: what comes next on this pool still comes after what was. */
export const clockBack = fc.constant(
  new Step("the clock steps back 50 s", async (_model, { db, pool }) => {
    const { accountNo, typeNo } = await poolKeyOf(db, pool);
    await db.query(
      `UPDATE farebox.pools SET last_at = greatest(last_at, clock_timestamp() + interval '50 seconds')
       WHERE account_no = $1 AND type_no = $2`,
      [accountNo, typeNo],
    );
  }),
);

/** Somebody keeps the pool's row locked until the charge is seen to wait apart. On PGlite nobody can: it has one connection. */
export const lockedCharge = fc.record({ instance, amount: some }).map(
  ({ instance: index, amount: credits }) =>
    new Step(`charge ${credits} of the locked pool`, async (model, world) => {
      const { db, pool } = world;
      const { accountNo, typeNo } = await poolKeyOf(db, pool);
      const charge = () => instanceOf(world, index).charge(chargeOf(pool, credits));
      const keepLocked = async () =>
        await db.transaction(async (tx) => {
          await tx.query("SELECT FROM farebox.pools WHERE account_no = $1 AND type_no = $2 FOR UPDATE", [
            accountNo,
            typeNo,
          ]);
          const passed = world.met.nextPassedBy();
          const charging = charge();
          await passed;
          // Not waited for here: it waits for the end of this transaction.
          return { charging };
        });
      const { charging } = db.kind === "pglite" ? { charging: charge() } : await keepLocked();
      const { kind: _kind, ...rest } = await charging;
      assert.deepEqual(rest, model.charge(credits, null, undefined));
      if (rest.seq !== null) world.charges.push(rest.seq);
    }),
);

/** Stops an instance and starts it again: its leases go back. */
export const restart = instance.map(
  (index) =>
    new Step(`restart ${index}`, async (model, world) => {
      await instanceOf(world, index).close();
      world.instances[index] = await world.open();
      model.leases.set(index, 0n);
      model.expireOverdue();
    }),
);

export const leaseStep = ({ instance: index, giveBack, need, want }: LeaseAsked): Step =>
  new Step(`lease ${index} ${giveBack} ${need} ${want}`, async (model, world) => {
    const result = await instanceOf(world, index).lease({ pool: world.pool, giveBack, need, want });
    assert.equal(result.granted, model.lease(index, giveBack, need, want));
    assert.deepEqual([result.balance, result.available], [model.balance, model.available]);
  });

interface LeaseAsked {
  readonly instance: number;
  readonly giveBack: bigint;
  readonly need: bigint;
  readonly want: bigint;
}

/** Lets an instance die, and the sweep find it: its leases go back. */
async function kill(index: number, model: BooksModel, world: World): Promise<void> {
  if ((model.leases.get(index) ?? 0n) > 0n) world.met.diedWithLease += 1;
  await world.db.query(
    `UPDATE farebox.lanes SET seen_at = seen_at - interval '2 days'
     WHERE instance_no = (SELECT DISTINCT instance_no FROM farebox.lanes WHERE instance_id = $1)`,
    [instanceOf(world, index).instanceId],
  );
  await sweep(world.db, { shards: SHARDS, deadAfterMs: 24 * HOUR_MS });
  model.leases.set(index, 0n);
  model.expireOverdue();
  model.forget();
}

/** The dead instance charges what it believes to have leased, or does nothing yet. */
const deathStep = (index: number, charged: bigint | null): Step =>
  new Step(`kill ${index}${charged === null ? "" : `, which charges ${charged}`}`, async (model, world) => {
    const dying = instanceOf(world, index);
    const { instanceId } = dying;
    await kill(index, model, world);
    if (charged === null) return;
    const { kind: _kind, ...rest } = await dying.charge(chargeOf(world.pool, charged, { hold: "lease" }));
    assert.deepEqual(rest, model.charge(charged, index));
    if (rest.seq !== null) world.charges.push(rest.seq);
    assert.notEqual(dying.instanceId, instanceId, "it goes on under another id");
    world.met.replaced += 1;
  });

export const death = fc
  .record({ instance, charged: fc.option(some) })
  .map(({ instance: index, charged }) => deathStep(index, charged));

const topUp = new Step("grant 60", async (model, { db, pool }) => {
  await grantCredits(db, { pool, amount: 60n, source: "topup" });
  model.add({ amount: 60n, source: "topup", priority: 100, effectiveAt: model.moment(0), expiresAt: null });
});

/** Each of the three troubles once, at places of their own among the other commands: no run is without them. */
const deathWithLease = instance.map((index) => [
  topUp,
  leaseStep({ instance: index, giveBack: 0n, need: 20n, want: 20n }),
  deathStep(index, 5n),
]);
const steppingClock = clockBack.map((step) => [step, topUp]);
const lockedPool = lockedCharge.map((step) => [step]);

export const troubles = fc.tuple(
  ...[deathWithLease, steppingClock, lockedPool].map((steps) => fc.record({ steps, place: fc.nat(30) })),
);

/** The commands with the troubles among them. */
export function withTroubles<Command>(
  commands: Iterable<Command>,
  given: readonly { readonly steps: readonly Step[]; readonly place: number }[],
): (Command | Step)[] {
  const mixed: (Command | Step)[] = [...commands];
  for (const { steps, place } of given) mixed.splice(place, 0, ...steps);
  return mixed;
}
