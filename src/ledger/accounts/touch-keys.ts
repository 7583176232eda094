import type { Transaction } from "../database/database.ts";

/** Keys that one statement changes, in some 0.3 s: an account may have very many, and after 10 s a statement is cancelled. */
const KEYS_AT_ONCE = 5_000;

/** Some keys after others; none of none. */
export async function byKeys(
  keyNos: readonly number[],
  change: (some: readonly number[]) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < keyNos.length; from += KEYS_AT_ONCE) {
    await change(keyNos.slice(from, from + KEYS_AT_ONCE));
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
