import assert from "node:assert/strict";
import fc from "fast-check";
import { type LaneEvents, NO_LANE_EVENTS } from "../../src/ledger/batch/lane-events.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import type { PoolRef } from "../../src/ledger/ledger.ts";
import type { LedgerHandle } from "../../src/ledger/open-ledger.ts";
import { readBalances } from "../../src/ledger/pools/balances.ts";
import { poolKeyOf } from "../../src/ledger/pools/pool-key.ts";
import type { BooksModel, ModelPlan } from "./books-model.ts";

/** The real ledger: some instances on one database, and a pool. */
export interface World {
  readonly db: Database;
  readonly pool: PoolRef;
  readonly instances: LedgerHandle[];
  /** All published. */
  readonly plans: readonly ModelPlan[];
  /** Numbers of charges that were made, for refunds to choose from. */
  readonly charges: number[];
  readonly met: Met;
  open(): Promise<LedgerHandle>;
}

/** How often trouble came, over all runs: where none does nothing is proved of it. */
export class Met {
  /** Charges that waited apart because somebody had locked their pool. */
  passedBy = 0;
  /** Steps that wrote entries while the pool's time was ahead of the clock. */
  clockBehind = 0;
  /** Instances that died with credits leased. */
  diedWithLease = 0;
  /** Instances that were declared dead, and went on under another id. */
  replaced = 0;
  #passing = Promise.withResolvers<void>();

  /** What each instance tells of its lanes. */
  readonly events: LaneEvents = {
    ...NO_LANE_EVENTS,
    poolsBusy: (items) => {
      this.passedBy += items;
      this.#passing.resolve();
      this.#passing = Promise.withResolvers();
    },
  };

  /** Resolves when the next locked pool is passed by. */
  nextPassedBy(): Promise<void> {
    return this.#passing.promise;
  }
}

export const instance = fc.integer({ min: 0, max: 2 });
export const some = fc.bigInt({ min: 1n, max: 120n });

export function instanceOf(world: World, index: number): LedgerHandle {
  return world.instances[index % world.instances.length] ?? assert.fail();
}

/** A command, after which everything that can be seen of the pool is what the model says. */
export class Step implements fc.AsyncCommand<BooksModel, World> {
  readonly #name: string;
  readonly #run: (model: BooksModel, world: World) => Promise<void>;

  constructor(name: string, run: (model: BooksModel, world: World) => Promise<void>) {
    this.#name = name;
    this.#run = run;
  }

  check(): boolean {
    return true;
  }

  async run(model: BooksModel, world: World): Promise<void> {
    const seq = model.seq;
    await this.#run(model, world);
    await compare(model, world);
    if ((await moveOn(world)) && model.seq > seq) world.met.clockBehind += 1;
  }

  toString(): string {
    return this.#name;
  }
}

/**
 * Lets a moment pass for a pool whose time is ahead of a clock that stepped back, where time would stand still. Two grants of one
 * moment are drawn in the order of their ids, which the model does not know. Answers whether the pool's time is ahead.
 */
async function moveOn({ db, pool }: World): Promise<boolean> {
  const { accountNo, typeNo } = await poolKeyOf(db, pool);
  const rows = await db.query(
    `UPDATE farebox.pools SET last_at = last_at + interval '1 ms'
     WHERE account_no = $1 AND type_no = $2 AND last_at > clock_timestamp() RETURNING 1 AS one`,
    [accountNo, typeNo],
  );
  return rows.length > 0;
}

/** Everything that can be seen of the pool is what the model says. */
async function compare(model: BooksModel, { db, pool }: World): Promise<void> {
  const [balance] = await readBalances(db, pool.accountId, pool.shard);
  assert.equal(balance?.balance, model.balance, "balance");
  assert.equal(balance.held, model.held, "held");
  const seen = balance.grants.map(({ source, remaining }) => `${source} ${remaining}`).toSorted();
  const expected = model.grants
    .filter(({ isActive, remaining }) => isActive && remaining > 0n)
    .map(({ source, remaining }) => `${source} ${remaining}`)
    .toSorted();
  assert.deepEqual(seen, expected);
}
