import { readAccount } from "../src/ledger/accounts/accounts.ts";
import type { Database } from "../src/ledger/database/database.ts";
import type { PoolRef } from "../src/ledger/ledger.ts";

/** The database's name for account `n` of a bench. */
export function benchAccountId(n: number): string {
  return `acc_${String(n).padStart(16, "0")}`;
}

/**
 * Accounts with a pool of a million credits and one grant each, made by set instead of by calls: a bench of 100,000 accounts
 * measures what they cost in use, not how they came to be. The rows are those that `createAccount` and `grantCredits` write.
 */
export async function populate(database: Database, accounts: number, shards: number): Promise<PoolRef[]> {
  const amount = 1_000_000_000_000n;
  await database.exec(`
    INSERT INTO farebox.accounts (account_id, name, shard)
      SELECT 'acc_' || lpad(n::text, 16, '0'), 'Account ' || n, n % ${shards} FROM generate_series(0, ${accounts - 1}) n;
    INSERT INTO farebox.pools (account_id, credit_type, shard, balance, last_seq)
      SELECT account_id, 'credits', shard, ${amount}, 1 FROM farebox.accounts;
    INSERT INTO farebox.grants (account_id, credit_type, grant_id, shard, amount, remaining, effective_at, created_at,
      priority, state, source, reference)
      SELECT account_id, 'credits', 'grt_' || right(account_id, 16), shard, ${amount}, ${amount}, now(), now(),
        100, 'active', 'topup', 'bench' FROM farebox.accounts;
    INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, kind, grant_id)
      SELECT account_id, 'credits', 1, shard, now(), ${amount}, ${amount}, 0, 'grant', 'grt_' || right(account_id, 16)
      FROM farebox.accounts;
  `);
  await readAccount(database, benchAccountId(0));
  return Array.from({ length: accounts }, (_, n) => ({
    accountId: benchAccountId(n),
    creditType: "credits",
    shard: n % shards,
  }));
}
