import { randomBytes } from "node:crypto";
import { formatId, ID_RANDOM_BYTES } from "../../domain/ids.ts";
import { eachServer } from "../database/ask-shards.ts";
import type { Database, Statement } from "../database/database.ts";
import type { Heartbeat, PoolRef } from "../ledger.ts";
import { type Heard, Heartbeats } from "./heartbeats.ts";
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
  readonly #heartbeats: Heartbeats;
  readonly #steady = new SteadyShards();
  #lateRecalls: PoolRef[] = [];
  /** Where the present id is registered. */
  #shards = new Set<number>();
  #id = newInstanceId();
  /** The numbers of ids that were registered: the present one and the one before it. */
  #numbers = new Map<string, number>();
  #dead = new Set<string>();
  #replacing: Promise<void> | undefined;

  /** `servers`: over how many the shards are spread. */
  constructor(database: Database, servers = 1) {
    this.#database = database;
    this.#heartbeats = new Heartbeats(database, servers, (number, heard) => this.#heardLate(number, heard));
  }

  get id(): string {
    return this.#id;
  }

  /** The number of an id that is registered in some shard. */
  numberOf(id: string): number {
    const number = this.#numbers.get(id);
    if (number === undefined) throw new Error(`the instance ${id} is not registered`);
    return number;
  }

  /** Registers in a shard before its first batch. Safe to repeat. */
  async register(shard: number): Promise<void> {
    while (!this.#shards.has(shard)) {
      const id = this.#id;
      await this.#registerLane(id, shard);
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

  /**
   * Tells the database that this instance lives, in those of these shards that it serves, by default in all. `alive` is false when it was
   * declared dead in any of them; `unheard` are those whose server does not answer, or not in time, while others do.
   */
  async heartbeat(among?: Iterable<number>): Promise<Pick<Heartbeat, "alive" | "recalls" | "unheard">> {
    const id = this.#id;
    // A shard may have been asked for a lease that has not heard of this instance yet.
    const shards = [...(among ?? this.#shards)].filter((shard) => this.#shards.has(shard));
    shards.sort((left, right) => left - right);
    const sentAt = performance.now();
    const { heard, unheard } = await this.#heartbeats.tell(shards, this.numberOf(id), among === undefined);
    for (const { shard } of heard) this.#steady.heard(shard, sentAt);
    if (heard.some(({ answer }) => !answer.alive)) this.markDead(id);
    const recalls = [...this.#lateRecalls.splice(0), ...heard.flatMap(recallsOf)];
    return { alive: id === this.#id && !this.#dead.has(id), recalls, unheard };
  }

  /** See {@link SteadyShards}. */
  isSteady(shard: number): boolean {
    return this.#steady.has(shard, performance.now());
  }

  /** An answer to an earlier heartbeat: the recalls in it are told by no other. */
  #heardLate(number: number, heard: Heard): void {
    const id = this.#id;
    if (this.#numbers.get(id) !== number) return;
    if (!heard.answer.alive) this.markDead(id);
    this.#lateRecalls.push(...recallsOf(heard));
  }

  /** Says goodbye: all leases go back to their pools. */
  async end(): Promise<void> {
    await this.#end(this.#id, [...this.#shards]);
  }

  async #registerLane(id: string, shard: number): Promise<void> {
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = await numberInstance(this.#database, id);
      this.#numbers.set(id, number);
    }
    await this.#database.query(REGISTER_LANE, [shard, number]);
  }

  async #replaceDead(): Promise<void> {
    const old = this.#id;
    const shards = [...this.#shards];
    const id = newInstanceId();
    for (const shard of shards) await this.#registerLane(id, shard);
    this.#id = id;
    this.#shards = new Set(shards);
    this.#dead = new Set([old]);
    // Shards in which nobody has noticed yet. Whatever this does not reach is found by the sweep, for want of heartbeats.
    await this.#end(old, shards).catch(() => undefined);
    for (const known of this.#numbers.keys()) if (known !== id && known !== old) this.#numbers.delete(known);
  }

  /** Of several servers at each that answers; rejects then as the first one that does not. */
  async #end(id: string, shards: readonly number[]): Promise<void> {
    const ended = await eachServer(this.#database, shards, async (its) => {
      for (const shard of its) {
        const number = this.numberOf(id);
        await this.#database.query("SELECT farebox.end_lane($1::smallint, $2::int)", [shard, number]);
        await releaseLeases(this.#database, shard, number);
      }
    });
    const failure = ended.find((end) => end.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  }
}

/** A lane waits for these when its instance gets another id. */
const REGISTER_LANE: Statement = {
  name: "register-lane",
  isUrgent: true,
  text: "SELECT farebox.register_lane($1::smallint, $2::int)",
};
const ADD_INSTANCE: Statement = {
  name: "add-instance",
  isUrgent: true,
  text: "INSERT INTO farebox.instances (instance_id) VALUES ($1) ON CONFLICT DO NOTHING",
};
const NUMBER_INSTANCE: Statement = {
  name: "number-instance",
  isUrgent: true,
  text: "SELECT instance_no AS no FROM farebox.instances WHERE instance_id = $1",
};

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

/** Safe to repeat: when an answer was lost the same id has the same number. */
async function numberInstance(database: Database, id: string): Promise<number> {
  await database.query(ADD_INSTANCE, [id]);
  const [row] = await database.query<{ no: number }>(NUMBER_INSTANCE, [id]);
  if (row === undefined) throw new Error(`the instance ${id} got no number`);
  return row.no;
}

function newInstanceId(): string {
  return formatId("instance", randomBytes(ID_RANDOM_BYTES));
}
