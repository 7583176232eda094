import { FareboxError } from "../../domain/farebox-error.ts";
import type { Transaction } from "../database/database.ts";

/** Keys that one statement changes, in some 0.3 s: an account may have very many, and after 10 s a statement is cancelled. */
const KEYS_AT_ONCE = 5_000;

/**
 * All of a transaction's changes of keys are committed sooner: instances look 60 s back for them (see News), and what was stamped earlier
 * they would never hear. Some 300,000 keys.
 */
const LONGEST_MS = 20_000;

/**
 * Some keys after others; none of none. `clock` tells monotonic milliseconds. Rejects with FareboxError `storage_unavailable` when it
 * takes so long that instances would not hear of the first.
 */
export async function byKeys(
  keyNos: readonly number[],
  change: (some: readonly number[]) => Promise<unknown>,
  clock: () => number = () => performance.now(),
): Promise<void> {
  const since = clock();
  for (let from = 0; from < keyNos.length; from += KEYS_AT_ONCE) {
    await change(keyNos.slice(from, from + KEYS_AT_ONCE));
    if (clock() - since > LONGEST_MS) {
      throw new FareboxError(
        "storage_unavailable",
        `${keyNos.length} keys of one account are more than can be changed at once.`,
        { retryable: true, detail: { keys: keyNos.length } },
      );
    }
  }
}

/**
 * Counts all keys of an account as changed, so that no instance goes on with a cached one; `but` those that this transaction has
 * counted already.
 */
export async function touchKeys(
  tx: Transaction,
  accountId: string,
  but: readonly number[] = [],
): Promise<void> {
  // As text: a Date has lost three digits. Not in the UPDATE itself, which Citus would refuse.
  const [clock] = await tx.query<{ now: string }>("SELECT clock_timestamp()::text AS now");
  if (clock === undefined) throw new Error("the database told no time");
  const keys = await tx.query<{ no: number }>(
    "SELECT key_no AS no FROM farebox.keys WHERE account_id = $1 ORDER BY key_no",
    [accountId],
  );
  const counted = new Set(but);
  const rest = keys.flatMap(({ no }) => (counted.has(no) ? [] : [no]));
  await byKeys(rest, (some) =>
    tx.query("UPDATE farebox.keys SET changed_at = $2::timestamptz WHERE key_no = ANY ($1::int[])", [
      some,
      clock.now,
    ]),
  );
}
