import { randomBytes } from "node:crypto";
import { formatId, ID_RANDOM_BYTES } from "../../domain/ids.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";

/** Leases that go back in one transaction: it locks as many pools. */
const RELEASE_CHUNK = 200;

interface HeartbeatRow {
  readonly shard: number;
  readonly alive: boolean;
  readonly accounts: readonly string[];
  readonly types: readonly string[];
}

/**
 * This process in the database: one row per shard that it serves, under an id that dies with it. When the others have
 * declared it dead it goes on under a new id, without the leases of the old one.
 */
export class Instance {
  readonly #database: Database;
  /** Where the present id is registered. */
  #shards = new Set<number>();
  #id = newInstanceId();
  #dead = new Set<string>();
  #replacing: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  get id(): string {
    return this.#id;
  }

  /** Registers in a shard before its first batch. Safe to repeat. */
  async register(shard: number): Promise<void> {
    while (!this.#shards.has(shard)) {
      const id = this.#id;
      await this.#database.query("SELECT farebox.register_instance($1, $2::int[])", [id, [shard]]);
      // Meanwhile the id may have been replaced by one that does not know this shard.
      if (id === this.#id) this.#shards.add(shard);
    }
  }

  /** The database said that this id is dead. */
  markDead(id: string): void {
    this.#dead.add(id);
  }

  /** Goes on under a new id if the present one is dead. The leases of the old one go back to their pools. */
  replace(): Promise<void> {
    if (!this.#dead.has(this.#id)) return Promise.resolve();
    this.#replacing ??= this.#replaceDead().finally(() => {
      this.#replacing = undefined;
    });
    return this.#replacing;
  }

  /** Tells the database that this instance lives. `alive` is false when it was declared dead in any shard. */
  async heartbeat(): Promise<{ readonly alive: boolean; readonly recalls: readonly PoolRef[] }> {
    const id = this.#id;
    const rows = await this.#database.query<HeartbeatRow>(
      {
        name: "heartbeat",
        text: `SELECT s.shard, h.o_alive AS alive, h.o_accounts AS accounts, h.o_types AS types
          FROM unnest($2::int[]) s(shard), farebox.heartbeat(s.shard, $1) h`,
      },
      [id, [...this.#shards].sort((left, right) => left - right)],
    );
    const recalls = rows.flatMap(({ shard, accounts, types }) =>
      accounts.map((accountId, index) => ({ accountId, creditType: types[index] ?? "", shard })),
    );
    const alive = rows.every((row) => row.alive);
    if (!alive) this.markDead(id);
    return { alive: id === this.#id && alive, recalls };
  }

  /** Says goodbye: all leases go back to their pools. */
  async end(): Promise<void> {
    await this.#end(this.#id, [...this.#shards]);
  }

  async #replaceDead(): Promise<void> {
    const old = this.#id;
    const shards = [...this.#shards];
    const id = newInstanceId();
    await this.#database.query("SELECT farebox.register_instance($1, $2::int[])", [id, shards]);
    this.#id = id;
    this.#shards = new Set(shards);
    this.#dead = new Set([old]);
    // Shards in which nobody has noticed yet. Whatever this does not reach is found by the sweep, for want of heartbeats.
    await this.#end(old, shards).catch(() => undefined);
  }

  async #end(id: string, shards: readonly number[]): Promise<void> {
    for (const shard of shards) {
      await this.#database.query("SELECT farebox.end_instance($1, $2)", [shard, id]);
      await releaseLeases(this.#database, shard, id);
    }
  }
}

/** Gives all leases of a dead instance back, in chunks. Returns how many there were. */
export async function releaseLeases(database: Database, shard: number, owner: string): Promise<number> {
  for (let total = 0; ; ) {
    const [row] = await database.query<{ count: number }>(
      "SELECT farebox.release_leases($1, $2, $3) AS count",
      [shard, owner, RELEASE_CHUNK],
    );
    const count = row?.count ?? 0;
    if (count === 0) return total;
    total += count;
  }
}

function newInstanceId(): string {
  return formatId("instance", randomBytes(ID_RANDOM_BYTES));
}
