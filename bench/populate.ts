import { readAccount } from "../src/ledger/accounts/accounts.ts";
import type { Database } from "../src/ledger/database/database.ts";
import type { PoolRef } from "../src/ledger/ledger.ts";

/** The database's name for account `n` of a bench. */
export function benchAccountId(n: number): string {
  return `acc_${String(n).padStart(16, "0")}`;
}

/** The key of the first account with which benches charge all of them. */
export const BENCH_KEY = "key_0000000000000000";

/**
 * Accounts with a pool of a million credits and one grant each, made by set instead of by calls: a bench of 100,000 accounts
 * measures what they cost in use, not how they came to be. The rows are those that `createAccount` and `grantCredits` write.
 */
export async function populate(database: Database, accounts: number, shards: number): Promise<PoolRef[]> {
  const amount = 1_000_000_000_000n;
  await database.exec(`
    INSERT INTO farebox.accounts (account_id, name, shard)
      SELECT 'acc_' || lpad(n::text, 16, '0'), 'Account ' || n, n % ${shards} FROM generate_series(0, ${accounts - 1}) n;
    INSERT INTO farebox.keys (key_id, account_id, shard, hash, prefix, hint, name)
      VALUES ('${BENCH_KEY}', '${benchAccountId(0)}', 0, sha256('${BENCH_KEY}'), 'fbx', '', 'bench');
    INSERT INTO farebox.credit_types (credit_type) VALUES ('credits');
    INSERT INTO farebox.pools (account_no, type_no, shard, balance, last_seq, last_at)
      SELECT a.account_no, t.type_no, a.shard, ${amount}, 1, now() FROM farebox.accounts a, farebox.credit_types t;
    INSERT INTO farebox.grants (account_no, type_no, grant_id, shard, amount, remaining, effective_at, created_at, priority,
      state, source, reference)
      SELECT p.account_no, p.type_no, 'grt_' || right(a.account_id, 16), p.shard, ${amount}, ${amount}, now(), now(), 100,
        'active', 'topup', 'bench' FROM farebox.pools p JOIN farebox.accounts a USING (account_no);
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, kind, grant_id)
      SELECT p.account_no, p.type_no, p.shard, 1, now(), ${amount}, ${amount}, 0, 'g', 'grt_' || right(a.account_id, 16)
      FROM farebox.pools p JOIN farebox.accounts a USING (account_no);
  `);
  await readAccount(database, benchAccountId(0));
  return Array.from({ length: accounts }, (_, n) => ({
    accountId: benchAccountId(n),
    creditType: "credits",
    shard: n % shards,
  }));
}
