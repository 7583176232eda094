import type { Queryable } from "../database/database.ts";

/** Starts the same call several times before any has answered, and returns how each ended. */
export function atOnce<T>(
  times: number,
  call: (index: number) => Promise<T>,
): Promise<PromiseSettledResult<T>[]> {
  return Promise.allSettled(Array.from({ length: times }, (_, index) => call(index)));
}

/** The values of those that succeeded. */
export function fulfilled<T>(results: readonly PromiseSettledResult<T>[]): T[] {
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

/** The `code` of each that failed. */
export function refusedCodes(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.flatMap((result) => {
    if (result.status === "fulfilled") return [];
    const reason: { code?: unknown } | undefined = result.reason;
    return [reason?.code];
  });
}

/** Resolves when so many sessions of this database wait for locks. Asked beside the transaction that has them: its own view is kept. */
export async function waitForLocks(db: Queryable, sessions = 1): Promise<void> {
  for (;;) {
    const waiting = await db.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    if (waiting.length >= sessions) return;
  }
}
