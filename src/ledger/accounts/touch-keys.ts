import type { Transaction } from "../database/database.ts";

/** Counts all keys of an account as changed, so that no instance goes on with a cached one. */
export async function touchKeys(tx: Transaction, accountId: string): Promise<void> {
  // As text: a Date has lost three digits. Not in the UPDATE itself, which Citus would refuse.
  const [clock] = await tx.query<{ now: string }>("SELECT clock_timestamp()::text AS now");
  if (clock === undefined) throw new Error("the database told no time");
  await tx.query("UPDATE farebox.keys SET changed_at = $2::timestamptz WHERE account_id = $1", [
    accountId,
    clock.now,
  ]);
}
