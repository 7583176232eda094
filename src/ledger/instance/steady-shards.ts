/** A pause between two heartbeats of one's own that says nothing of the others: the server was away, or this process stood still. */
const PAUSE_MS = 4_000;

/** After it all that live are heard within so long: the idlest of them tells of itself every 2 s. */
const SETTLE_MS = 3_000;

interface Hearing {
  /** The first heartbeat after the last pause, and the last one. */
  readonly since: number;
  readonly at: number;
}

/**
 * In which shards an instance is heard steadily. Only there is it for long enough that the others' silence is theirs: when a server goes on
 * that was away for longer than instances may be silent, all of them seem dead.
 */
export class SteadyShards {
  readonly #heard = new Map<number, Hearing>();

  /** A heartbeat that was sent at that time has reached the shard. */
  heard(shard: number, at: number): void {
    const before = this.#heard.get(shard);
    const since = before === undefined || at - before.at > PAUSE_MS ? at : before.since;
    this.#heard.set(shard, { since, at });
  }

  /**
   * Whether who is silent in the shard may be called dead. In one that this instance does not serve it is as anybody else says; in one that
   * it is to serve and has not reached yet the others may have been cut off too.
   */
  has(shard: number, now: number, isServed: boolean): boolean {
    const hearing = this.#heard.get(shard);
    if (hearing === undefined) return !isServed;
    return now - hearing.at <= PAUSE_MS && now - hearing.since >= SETTLE_MS;
  }
}
