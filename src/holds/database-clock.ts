import type { Queryable } from "../ledger/database/database.ts";
import { readDatabaseTime } from "../ledger/instance/read-time.ts";

/** The database's time without asking for it each time, and whatever this machine's clock says. */
export class DatabaseClock {
  readonly #db: Queryable;
  /** The database's unix milliseconds at 0 of the monotonic clock. */
  #origin = 0;

  private constructor(db: Queryable) {
    this.#db = db;
  }

  /** Rejects like the database. */
  static async open(db: Queryable): Promise<DatabaseClock> {
    const clock = new DatabaseClock(db);
    await clock.adjust();
    return clock;
  }

  /** Unix milliseconds. */
  now(): number {
    return Math.floor(this.#origin + performance.now());
  }

  /** Asks again. What was told may then turn out to have been early or late by what the clocks have drifted. */
  async adjust(): Promise<void> {
    const now = await readDatabaseTime(this.#db);
    // As if the answer had taken no time: what this tells is a little early, so that nobody looks for a charge too late.
    this.#origin = now.getTime() - performance.now();
  }
}
