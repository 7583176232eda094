import { eachServer } from "../database/ask-shards.ts";
import type { Database, Statement } from "../database/database.ts";
import { isOfOneServer } from "../database/storage-error.ts";

/** A server of several that has not answered by then is not waited for: its shards are taken up when it does. */
const SERVER_MS = 2_000;

/** From a sequence, which the server has that is asked: no other one need be there. */
const TAKE_NUMBER: Statement = {
  name: "take-instance-number",
  isLocal: true,
  text: "SELECT nextval('farebox.instance_numbers')::int AS no",
};
/** A lane waits for this when its instance gets another id. */
const REGISTER_LANE: Statement = {
  name: "register-lane",
  isUrgent: true,
  text: "SELECT farebox.register_lane($1::smallint, $2::int, $3)",
};

/** An id of an instance, with its number, and where it is registered. */
export class Registration {
  readonly id: string;
  readonly #database: Database;
  #number: number | undefined;
  /** Where it is registered. */
  readonly shards = new Set<number>();
  /** Where it is wanted and is not registered yet: of several servers the one that has them does not answer. */
  readonly missing = new Set<number>();

  constructor(database: Database, id: string) {
    this.#database = database;
    this.id = id;
  }

  get number(): number {
    if (this.#number === undefined) throw new Error(`the instance ${this.id} is not registered`);
    return this.#number;
  }

  /** Before the first batch in a shard. Safe to repeat. */
  async enter(shard: number): Promise<void> {
    if (this.shards.has(shard)) return;
    if (this.#number === undefined) {
      const [row] = await this.#database.query<{ no: number }>(TAKE_NUMBER);
      if (row === undefined) throw new Error(`the instance ${this.id} got no number`);
      // Two that ask at once get one each, and use the first.
      this.#number ??= row.no;
    }
    await this.#database.query(REGISTER_LANE, [shard, this.#number, this.id]);
    this.shards.add(shard);
    this.missing.delete(shard);
  }

  /**
   * Registers in shards of `servers` servers. What one that does not answer has stays missing, if another one does. Rejects when none
   * does, or when it is not one server that fails.
   */
  async enterAll(shards: readonly number[], servers: number): Promise<void> {
    for (const shard of shards) this.missing.add(shard);
    if (servers === 1) {
      for (const shard of shards) await this.enter(shard);
      return;
    }
    await this.#database.findServers?.(shards);
    const all = eachServer(this.#database, shards, async (its) => {
      for (const shard of its) await this.enter(shard);
    });
    const ended = (await within(SERVER_MS, all)) ?? (this.shards.size === 0 ? await all : []);
    const failures = ended.filter((end) => end.status === "rejected").map(({ reason }) => reason as unknown);
    const failure = failures.find((error) => !isOfOneServer(error)) ?? failures[0];
    if (failure !== undefined && (this.shards.size === 0 || !isOfOneServer(failure))) throw failure;
  }
}

async function within<T>(ms: number, asked: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  const first = await Promise.race([asked, over]);
  clearTimeout(timer);
  return first;
}
