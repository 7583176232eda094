import type { Queryable } from "../database/database.ts";

/**
 * A change is stamped before its transaction commits, so it becomes visible after later stamps. Each read therefore looks
 * back this far before the last one. Longer than any transaction lives (see SESSION_LIMITS).
 */
const OVERLAP_SECONDS = 60;

/** One statement for the clock and the changes; the first read (no `$1`) yields the clock only. */
const READ = {
  name: "changed-keys",
  text: `SELECT o_now::text AS now, encode(o_hash, 'hex') AS hash, o_changed_at::text AS changed
    FROM farebox.changed_keys($1::timestamptz, make_interval(secs => $2))`,
};

interface ChangeRow {
  readonly now: string;
  readonly hash: string | null;
  readonly changed: string | null;
}

/**
 * Which keys changed since an instance last asked: created, updated, rotated, revoked, capped, or their account suspended
 * or closed. All texts of a key are told of, also those from before its rotations. Every change is told once, however its
 * transaction and the reads overlap, and by the database's clock only.
 */
export class KeyChanges {
  readonly #db: Queryable;
  #since: string | null = null;
  #told = new Map<string, string>();

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** Hashes (hex). Empty at the first read: a cache that was filled after it knows all that came before. */
  async read(): Promise<readonly string[]> {
    const rows = await this.#db.query<ChangeRow>(READ, [this.#since, OVERLAP_SECONDS]);
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
    return untold;
  }
}
