import type { Credits } from "../../domain/credits.ts";
import type { CapWindow, KeyCap } from "../../domain/key-cap.ts";
import type { Queryable, Transaction } from "../database/database.ts";

/** A key and the account that owns it. */
export interface KeyRef {
  readonly accountId: string;
  readonly shard: number;
  readonly keyId: string;
}

/** A key's caps in one credit type, and what they have been used for. */
export interface KeyCapState {
  readonly keyId: string;
  readonly cap: KeyCap;
  /** Charges less refunds in each window that has not ended, also where there is no cap. */
  readonly spent: Readonly<Record<CapWindow, Credits>>;
  /** Set aside for requests in flight: it counts towards every window. */
  readonly held: Credits;
  readonly dayEndsAt: Date;
  readonly monthEndsAt: Date;
  /** Whether the caps are the key's own or the default of its account's plan. */
  readonly source: "key" | "plan";
}

/** As the SQL functions take it. Amounts are micro-credits, at most 10^15, which a JSON number holds exactly. */
interface StoredCap extends Readonly<Record<CapWindow, number | null>> {
  readonly creditType: string;
}

/**
 * Gives a key caps of its own, the only ones from now on; with none, those of its account's plan apply again. What it has
 * spent before counts, and requests that were admitted before are finished. Every instance knows within 5 seconds; until
 * then what it admits counts all the same. Locks the pools of all credit types that are concerned.
 */
export async function setKeyCaps(tx: Transaction, key: KeyRef, caps: readonly KeyCap[]): Promise<void> {
  await callSetKeyCaps(tx, key, "key", caps.map(storeCap));
  if (caps.length > 0) return;
  const [plan] = await tx.query<{ caps: readonly StoredCap[] | null }>(
    `SELECT p.body -> 'caps' AS caps FROM farebox.accounts a JOIN farebox.plans p ON p.name = a.plan
     WHERE a.account_id = $1`,
    [key.accountId],
  );
  await callSetKeyCaps(tx, key, "plan", plan?.caps ?? []);
}

/** Gives a plan's default caps to all active keys of an account that have none of their own; with none, takes them away. */
export async function applyDefaultCaps(
  tx: Transaction,
  account: Omit<KeyRef, "keyId">,
  caps: readonly KeyCap[],
): Promise<void> {
  await tx.query("SELECT farebox.apply_default_caps($1, $2, $3::jsonb)", [
    account.shard,
    account.accountId,
    JSON.stringify(caps.map(storeCap)),
  ]);
}

interface CapRow {
  readonly keyId: string;
  readonly creditType: string;
  readonly dayCap: Credits | null;
  readonly monthCap: Credits | null;
  readonly totalCap: Credits | null;
  readonly daySpent: Credits;
  readonly monthSpent: Credits;
  readonly totalSpent: Credits;
  readonly held: Credits;
  readonly dayEndsAt: Date;
  readonly monthEndsAt: Date;
  readonly source: "key" | "plan";
}

/** The caps of some keys of an account by key and credit type, as of the database's now. Keys without caps have none. */
export async function readKeyCaps(
  db: Queryable,
  account: Omit<KeyRef, "keyId">,
  keyIds: readonly string[],
): Promise<readonly KeyCapState[]> {
  const rows = await db.query<CapRow>(
    `SELECT key_id AS "keyId", credit_type AS "creditType", day_cap AS "dayCap", month_cap AS "monthCap",
       total_cap AS "totalCap", day_spent AS "daySpent", month_spent AS "monthSpent", total_spent AS "totalSpent", held,
       day_ends_at AS "dayEndsAt", month_ends_at AS "monthEndsAt", source
     FROM farebox.read_key_caps($1, $2, $3::text[])`,
    [account.shard, account.accountId, keyIds],
  );
  return rows.map((row) => ({
    keyId: row.keyId,
    cap: { creditType: row.creditType, day: row.dayCap, month: row.monthCap, total: row.totalCap },
    spent: { day: row.daySpent, month: row.monthSpent, total: row.totalSpent },
    held: row.held,
    dayEndsAt: row.dayEndsAt,
    monthEndsAt: row.monthEndsAt,
    source: row.source,
  }));
}

async function callSetKeyCaps(
  tx: Transaction,
  { accountId, shard, keyId }: KeyRef,
  source: KeyCapState["source"],
  caps: readonly StoredCap[],
): Promise<void> {
  await tx.query("SELECT farebox.set_key_caps($1, $2, $3, $4, $5::jsonb)", [
    shard,
    accountId,
    keyId,
    source,
    JSON.stringify(caps),
  ]);
}

function storeCap({ creditType, day, month, total }: KeyCap): StoredCap {
  return { creditType, day: store(day), month: store(month), total: store(total) };
}

const store = (amount: Credits | null): number | null => (amount === null ? null : Number(amount));
