import assert from "node:assert/strict";
import { type DatabaseTarget, openDatabase } from "../../src/ledger/database/open-database.ts";
import { runFarebox } from "../end-to-end/farebox-process.ts";

const MICRO = 1_000_000;

/** A line of the ledger, in credits. */
export interface Entry {
  readonly accountId: string;
  readonly seq: number;
  readonly kind: "grant" | "charge" | "refund" | "expiry" | "adjustment";
  readonly amount: number;
  readonly balance: number;
  readonly uncollected: number;
  readonly requestId: string | null;
  /** The number of the charge that a refund reverses. */
  readonly refundOf: number | null;
}

interface Pool {
  readonly accountId: string;
  readonly balance: number;
  readonly held: number;
  readonly lastSeq: number;
}

/** What the database says, read in one snapshot. */
export interface Books {
  readonly entries: readonly Entry[];
  readonly pools: readonly Pool[];
}

export async function readBooks(target: DatabaseTarget): Promise<Books> {
  const database = await openDatabase(target);
  try {
    const [row] = await database.query<{ entries: Entry[] | null; pools: Pool[] | null }>(`SELECT
      (SELECT json_agg(json_build_object('accountId', a.account_id, 'seq', e.seq, 'kind', farebox.entry_kind(e.kind),
        'amount', e.amount, 'balance', e.balance, 'uncollected', coalesce(e.uncollected, 0), 'requestId', e.request,
        'refundOf', e.refund_of) ORDER BY a.account_id, e.seq)
        FROM farebox.entries e JOIN farebox.accounts a USING (account_no)) AS entries,
      (SELECT json_agg(json_build_object('accountId', a.account_id, 'balance', p.balance, 'held', p.held, 'lastSeq', p.last_seq))
        FROM farebox.pools p JOIN farebox.accounts a USING (account_no)) AS pools`);
    const inCredits = <T extends Entry | Pool>(one: T): T => ({
      ...one,
      balance: one.balance / MICRO,
      ...("held" in one ? { held: one.held / MICRO } : {}),
      ...("amount" in one ? { amount: one.amount / MICRO, uncollected: one.uncollected / MICRO } : {}),
    });
    return { entries: (row?.entries ?? []).map(inCredits), pools: (row?.pools ?? []).map(inCredits) };
  } finally {
    await database.close();
  }
}

/** What instances have set aside of this account, in credits. */
export async function readHeld(target: DatabaseTarget, accountId: string): Promise<number> {
  const { pools } = await readBooks(target);
  return pools.find((pool) => pool.accountId === accountId)?.held ?? 0;
}

/** What this instance has set aside of all accounts, in credits. */
export async function readLeased(target: DatabaseTarget, instanceId: string): Promise<number> {
  const database = await openDatabase(target);
  try {
    const [row] = await database.query<{ leased: bigint }>(
      `SELECT coalesce(sum(p.lease_amount[array_position(p.lease_owner, i.instance_no)]), 0)::bigint
         + (SELECT coalesce(sum(k.amount), 0)::bigint FROM farebox.key_leases k WHERE k.instance_no = max(i.instance_no)) AS leased
       FROM farebox.lanes i LEFT JOIN farebox.pools p ON p.shard = i.shard AND i.instance_no = ANY (p.lease_owner) WHERE i.instance_id = $1`,
      [instanceId],
    );
    return Number(row?.leased ?? 0n) / MICRO;
  } finally {
    await database.close();
  }
}

/** Whether this instance was declared dead in any shard. */
export async function isDead(target: DatabaseTarget, instanceId: string): Promise<boolean> {
  const database = await openDatabase(target);
  try {
    const rows = await database.query(`SELECT FROM farebox.lanes WHERE state = 'dead' AND instance_id = $1`, [
      instanceId,
    ]);
    return rows.length > 0;
  } finally {
    await database.close();
  }
}

/** The processes of the server that the database is on, but for the one that starts the others and such as come and go. */
export async function listServerProcesses(target: DatabaseTarget): Promise<number[]> {
  const database = await openDatabase(target);
  try {
    const rows = await database.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
       WHERE pid <> pg_backend_pid() AND application_name = 'farebox' OR backend_type NOT IN ('client backend', 'autovacuum worker')`,
    );
    return rows.map(({ pid }) => pid);
  } finally {
    await database.close();
  }
}

/**
 * Every pool's entries are gap-free and add up to its balance, and nothing is set aside. `mayLack`: whose instance was declared dead with
 * requests under way. Its leases went back, and what others then spent its charges lack.
 */
export function assertAtRest({ entries, pools }: Books, mayLack: ReadonlySet<string> = new Set()): void {
  for (const { accountId, balance, held, lastSeq } of pools) {
    assert.equal(held, 0, `${accountId} at rest`);
    let sum = 0;
    const own = entries.filter((entry) => entry.accountId === accountId);
    for (const [index, entry] of own.entries()) {
      sum += entry.amount;
      assert.equal(entry.seq, index + 1, `${accountId} has no gap`);
      assert.equal(entry.balance, sum, `${accountId} balance after ${entry.seq}`);
      const covered = mayLack.has(accountId) || entry.uncollected === 0;
      assert.ok(covered, `${accountId} was never charged more than it had`);
      assert.ok(sum >= 0, `${accountId} is never negative`);
    }
    assert.equal(lastSeq, own.length, `${accountId} last entry`);
    assert.equal(balance, sum, `${accountId} balance = grants - charges + refunds`);
  }
}

/** Runs `farebox audit` as an operator does; its exit code says whether the books are exact. */
export async function auditByCommand(target: DatabaseTarget): Promise<void> {
  const storage = "url" in target ? ["--database", target.url] : ["--data", target.directory];
  const { code, stdout, stderr } = await runFarebox(["audit", ...storage, "--json"]);
  assert.equal(code, 0, `farebox audit: ${stdout}${stderr}`);
}
