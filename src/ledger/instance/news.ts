import type { Queryable, Statement } from "../database/database.ts";
import type { Heartbeat } from "../ledger.ts";
import { IN_FORCE, type InForceRow, readInForce } from "../price-lists/price-lists.ts";

/**
 * A change is stamped before its transaction commits, so it becomes visible after later stamps. Each read therefore looks
 * back this far before the last one. Longer than any transaction lives (see SESSION_LIMITS).
 */
const OVERLAP_SECONDS = 60;

/** One statement for the clock, the changes and the price lists; the first read (no `$1`) yields no changes. */
const READ: Statement = {
  name: "news",
  isLocal: true,
  text: `SELECT c.o_now::text AS now, encode(c.o_hash, 'hex') AS hash, c.o_changed_at::text AS changed, p.*
    FROM farebox.changed_keys($1::timestamptz, make_interval(secs => $2)) c, (${IN_FORCE}) p`,
};

interface NewsRow extends InForceRow {
  readonly now: string;
  readonly hash: string | null;
  readonly changed: string | null;
}

/**
 * What instances are told with each heartbeat: the price lists, and which keys changed since they last asked: created, updated,
 * rotated, revoked, capped, or their account suspended or closed. All texts of a key are told of, also those from before its
 * rotations. Every change is told once, however its transaction and the reads overlap, and by the database's clock only.
 */
export class News {
  readonly #db: Queryable;
  #since: string | null = null;
  #told = new Map<string, string>();

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** No keys (hashes in hex) at the first read: a cache that was filled after it knows all that came before. */
  async read(): Promise<Pick<Heartbeat, "changedKeys" | "priceList" | "nextPriceList">> {
    const rows = await this.#db.query<NewsRow>(READ, [this.#since, OVERLAP_SECONDS]);
    const changes = new Map<string, string>();
    const untold: string[] = [];
    for (const { hash, changed } of rows) {
      if (hash === null || changed === null) continue;
      changes.set(hash, changed);
      if (this.#told.get(hash) !== changed) untold.push(hash);
    }
    // Only after the read has succeeded: a failed one must not lose what it would have told.
    this.#told = changes;
    this.#since = rows[0]?.now ?? this.#since;
    return { changedKeys: untold, ...readInForce(rows[0]) };
  }
}
