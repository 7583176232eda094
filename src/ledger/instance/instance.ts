import { randomBytes } from "node:crypto";
import { formatId, ID_RANDOM_BYTES } from "../../domain/ids.ts";
import { eachServer } from "../database/ask-shards.ts";
import type { Database } from "../database/database.ts";
import type { Heartbeat, PoolRef } from "../ledger.ts";
import { type Heard, Heartbeats } from "./heartbeats.ts";
import { Registration } from "./registration.ts";
import { SteadyShards } from "./steady-shards.ts";

/** Pools that are asked for at a time when leases go back. */
const RELEASE_CHUNK = 200;
/** Each pool is a transaction that waits for the disk: some of them wait together. */
const RELEASES_AT_ONCE = 6;

/**
 * This process in the database: one lane per shard that it serves, under an id (and its number) that dies with it. When the others
 * have declared it dead it goes on under a new id, without the leases of the old one.
 */
export class Instance {
  readonly #database: Database;
  readonly #servers: number;
  readonly #heartbeats: Heartbeats;
  readonly #steady = new SteadyShards();
  #lateRecalls: PoolRef[] = [];
  #present: Registration;
  /** The id before, under which batches may be on their way. */
  #before: Registration | undefined;
  #dead = new Set<string>();
  #replacing: Promise<void> | undefined;

  /** `servers`: over how many the shards are spread. */
  constructor(database: Database, servers = 1) {
    this.#database = database;
    this.#servers = servers;
    this.#present = new Registration(database, newInstanceId());
    const heardLate = (number: number, heard: Heard): void => this.#heardLate(number, heard);
    this.#heartbeats = new Heartbeats(database, servers, heardLate, (shard) => this.register(shard));
  }

  get id(): string {
    return this.#present.id;
  }

  /** The number of an id that is registered in some shard: the present one, or the one before it. */
  numberOf(id: string): number {
    const found = [this.#present, this.#before].find((known) => known?.id === id);
    if (found === undefined) throw new Error(`the instance ${id} is not registered`);
    return found.number;
  }

  /**
   * Registers in all shards that it is to serve. Those of a server that does not answer, of several of which others do, are unheard, and
   * taken up with the first heartbeat that it answers. Rejects when no server answers.
   */
  async start(shards: readonly number[]): Promise<void> {
    await this.#present.enterAll(shards, this.#servers);
  }

  /** Registers in a shard before its first batch. Safe to repeat. */
  async register(shard: number): Promise<void> {
    // Meanwhile the id may have been replaced by one that does not know this shard.
    for (let present = this.#present; !present.shards.has(shard); present = this.#present) {
      await present.enter(shard);
    }
  }

  /** The database said that this id is dead. */
  markDead(id: string): void {
    this.#dead.add(id);
  }

  /** Goes on under a new id if the present one is dead. The leases of the old one go back to their pools. */
  replace(): Promise<void> {
    if (!this.#dead.has(this.id)) return Promise.resolve();
    this.#replacing ??= this.#replaceDead().finally(() => {
      this.#replacing = undefined;
    });
    return this.#replacing;
  }

  /**
   * Tells the database that this instance lives, in those of these shards that it serves, by default in all. `alive` is false when it was
   * declared dead in any of them; `unheard` are those whose server does not answer, or not in time, while others do.
   */
  async heartbeat(among?: Iterable<number>): Promise<Pick<Heartbeat, "alive" | "recalls" | "unheard">> {
    const { id, number, shards: known, missing } = this.#present;
    // A shard may have been asked for a lease that has not heard of this instance yet.
    const shards =
      among === undefined ? [...known, ...missing] : [...among].filter((shard) => known.has(shard));
    shards.sort((left, right) => left - right);
    const sentAt = performance.now();
    const { heard, unheard } = await this.#heartbeats.tell(shards, number, among === undefined);
    for (const { shard } of heard) this.#steady.heard(shard, sentAt);
    if (heard.some(({ answer }) => !answer.alive)) this.markDead(id);
    const recalls = [...this.#lateRecalls.splice(0), ...heard.flatMap(recallsOf)];
    return { alive: id === this.id && !this.#dead.has(id), recalls, unheard };
  }

  /** See {@link SteadyShards}. */
  isSteady(shard: number): boolean {
    const { shards, missing } = this.#present;
    return this.#steady.has(shard, performance.now(), shards.has(shard) || missing.has(shard));
  }

  /** An answer to an earlier heartbeat: the recalls in it are told by no other. */
  #heardLate(number: number, heard: Heard): void {
    if (this.#present.number !== number) return;
    if (!heard.answer.alive) this.markDead(this.id);
    this.#lateRecalls.push(...recallsOf(heard));
  }

  /** Says goodbye: all leases go back to their pools. */
  async end(): Promise<void> {
    await this.#end(this.#present);
  }

  async #replaceDead(): Promise<void> {
    const old = this.#present;
    const next = new Registration(this.#database, newInstanceId());
    await next.enterAll([...old.shards, ...old.missing], this.#servers);
    this.#before = old;
    this.#present = next;
    this.#dead = new Set([old.id]);
    // Shards in which nobody has noticed yet. Whatever this does not reach is found by the sweep, for want of heartbeats.
    await this.#end(old).catch(() => undefined);
  }

  /** Of several servers at each that answers; rejects then as the first one that does not. */
  async #end({ number, shards }: Registration): Promise<void> {
    const ended = await eachServer(this.#database, [...shards], async (its) => {
      for (const shard of its) {
        await this.#database.query("SELECT farebox.end_lane($1::smallint, $2::int)", [shard, number]);
        await releaseLeases(this.#database, shard, number);
      }
    });
    const failure = ended.find((end) => end.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  }
}

function recallsOf({ shard, answer }: Heard): readonly PoolRef[] {
  return answer.recalls.map(([accountId, creditType]) => ({ accountId, creditType, shard }));
}

/**
 * Gives all leases of a dead instance in a shard back, one pool a transaction. Returns how many pools there were. Anyone may do so, at
 * the same time too.
 */
export async function releaseLeases(database: Database, shard: number, instanceNo: number): Promise<number> {
  const released = new Set<string>();
  for (;;) {
    const [row] = await database.query<{ pools: readonly (readonly [accountNo: number, typeNo: number])[] }>(
      "SELECT farebox.list_active_pools($1::smallint, $2::int, $3) AS pools",
      [shard, instanceNo, RELEASE_CHUNK],
    );
    const pools = row?.pools ?? [];
    const waiting = [...pools];
    let isDead = true;
    let goesOn = false;
    const release = async (): Promise<void> => {
      for (let pool = waiting.pop(); pool !== undefined && isDead; pool = waiting.pop()) {
        const done = await releasePool(database, shard, instanceNo, pool);
        if (done === null) isDead = false;
        if (done !== true) continue;
        released.add(pool.join());
        // A pool of very many keys takes several turns.
        goesOn = true;
      }
    };
    await Promise.all(Array.from({ length: RELEASES_AT_ONCE }, release));
    if (!isDead || !goesOn) return released.size;
  }
}

/** Null when the instance is not dead after all, false when somebody else was faster. */
async function releasePool(
  database: Database,
  shard: number,
  instanceNo: number,
  [accountNo, typeNo]: readonly [accountNo: number, typeNo: number],
): Promise<boolean | null> {
  const [row] = await database.query<{ done: boolean | null }>(
    "SELECT farebox.release_pool_leases($1::smallint, $2::int, $3::int, $4::smallint) AS done",
    [shard, instanceNo, accountNo, typeNo],
  );
  return row?.done ?? null;
}

function newInstanceId(): string {
  return formatId("instance", randomBytes(ID_RANDOM_BYTES));
}
