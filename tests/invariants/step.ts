import assert from "node:assert/strict";
import type fc from "fast-check";
import type { Database } from "../../src/ledger/database/database.ts";
import type { PoolRef } from "../../src/ledger/ledger.ts";
import { type LedgerHandle } from "../../src/ledger/open-ledger.ts";
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
    await this.#run(model, world);
    await compare(model, world);
    await moveOn(world);
  }

  toString(): string {
    return this.#name;
  }
}

/**
 * Lets a moment pass for a pool whose time is ahead of a clock that stepped back, where time would stand still. Two grants of one
 * moment are drawn in the order of their ids, which the model does not know.
 */
async function moveOn({ db, pool }: World): Promise<void> {
  const { accountNo, typeNo } = await poolKeyOf(db, pool);
  await db.query(
    `UPDATE farebox.pools SET last_at = last_at + interval '1 ms'
     WHERE account_no = $1 AND type_no = $2 AND last_at > clock_timestamp()`,
    [accountNo, typeNo],
  );
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
