import { FareboxError } from "../../domain/farebox-error.ts";
import type { PriceList } from "../../domain/prices/price.ts";
import { lockAccount, refuseClosed } from "../accounts/accounts.ts";
import { touchKeys } from "../accounts/touch-keys.ts";
import type { Queryable, Transaction } from "../database/database.ts";
import { lockPriceLists, parsePublishedList, refuseUnknown } from "./price-lists.ts";

/** A price list of one account. Immutable, except that it can be cancelled. */
export interface AccountPriceList {
  readonly version: number;
  readonly accountId: string;
  readonly body: unknown;
  readonly effectiveAt: Date;
  /** From here on it does not apply; null: until another one takes its place. */
  readonly until: Date | null;
  readonly publishedAt: Date;
  /** When an operator took it back. */
  readonly cancelledAt: Date | null;
  /** By the database's clock when it was read. `replaced`: a later one applies in its place, and ends before it or does not end. */
  readonly state: "announced" | "in_force" | "replaced" | "past" | "cancelled";
}

export interface NewAccountPrices {
  readonly accountId: string;
  /** As `priceListText` has it. */
  readonly body: string;
  readonly hash: string;
  /** Null: from now on. */
  readonly effectiveAt: Date | null;
  readonly until: Date | null;
}

/** Of an account's lists that apply at a moment it is the one that took effect last. */
const APPLIES = `account_id = $1 AND ended_at IS NULL AND effective_at <= c.now AND (until_at IS NULL OR until_at > c.now)`;

const LISTS = `SELECT l.version, l.account_id AS "accountId", l.body, l.effective_at AS "effectiveAt", l.until_at AS until,
    l.published_at AS "publishedAt", l.ended_at AS "cancelledAt",
    CASE WHEN l.ended_at IS NOT NULL THEN 'cancelled' WHEN l.effective_at > c.now THEN 'announced'
      WHEN l.until_at <= c.now THEN 'past'
      WHEN l.version = (SELECT version FROM farebox.price_lists WHERE ${APPLIES} ORDER BY effective_at DESC, version DESC LIMIT 1)
        THEN 'in_force' ELSE 'replaced' END AS state
  FROM (SELECT clock_timestamp() AS now) c, farebox.price_lists l WHERE l.account_id = $1`;

/**
 * Publishes prices of one account. They go before everybody's from `effectiveAt` on, until `until`; where two of its lists apply it
 * is the one that took effect last. All instances learn of it as of a revoked key.
 * Throws FareboxError `account_unknown`, `account_closed`, `price_list_effective_past`, `price_list_never_applies`.
 */
export async function publishAccountPrices(
  tx: Transaction,
  list: NewAccountPrices,
): Promise<AccountPriceList> {
  const { accountId, body, hash, effectiveAt, until } = list;
  const account = await lockAccount(tx, accountId);
  if (account.state === "closed") refuseClosed(accountId);
  await lockPriceLists(tx);
  const [moment] = await tx.query<{ at: string; past: boolean; never: boolean }>(
    `SELECT coalesce($1::timestamptz, c.now)::text AS at, $1::timestamptz < c.now AS past,
       $2::timestamptz <= coalesce($1::timestamptz, c.now) AS never
     FROM (SELECT clock_timestamp() AS now) c`,
    [effectiveAt, until],
  );
  if (moment === undefined) throw new Error("the database did not tell its time");
  if (moment.past) {
    const text = "A price list cannot take effect in the past. Give a later time, or none for now.";
    throw new FareboxError("price_list_effective_past", text, {
      detail: { effectiveAt: effectiveAt?.toISOString() },
    });
  }
  if (moment.never) {
    const text = "The price list would end before it takes effect. Give a later end, or none.";
    throw new FareboxError("price_list_never_applies", text, { detail: { until: until?.toISOString() } });
  }
  const [published] = await tx.query<{ version: number }>(
    `INSERT INTO farebox.price_lists (version, hash, body, effective_at, account_id, until_at, cancelled_at)
     SELECT coalesce(max(version), 0) + 1, $1, $2::jsonb, $3::timestamptz, $4, $5::timestamptz, statement_timestamp()
     FROM farebox.price_lists RETURNING version`,
    [hash, body, moment.at, accountId, until],
  );
  if (published === undefined) throw new Error("the price list was neither published nor refused");
  await touchKeys(tx, accountId);
  return await readAccountPriceList(tx, accountId, published.version);
}

/**
 * Takes a list of an account back, before it takes effect or while it applies; requests under way keep its prices. One that is over stays as
 * it is. Throws FareboxError `account_unknown`, `price_list_unknown`.
 */
export async function cancelAccountPrices(
  tx: Transaction,
  accountId: string,
  version: number,
): Promise<AccountPriceList> {
  await lockAccount(tx, accountId);
  await tx.query(
    `UPDATE farebox.price_lists SET ended_at = statement_timestamp()
     WHERE version = $2 AND account_id = $1 AND ended_at IS NULL AND (until_at IS NULL OR until_at > statement_timestamp())`,
    [accountId, version],
  );
  await touchKeys(tx, accountId);
  return await readAccountPriceList(tx, accountId, version);
}

/** An account's lists, the newest version first. `before` is the last version of the page before. */
export function listAccountPriceLists(
  db: Queryable,
  accountId: string,
  page: { readonly before?: number | undefined; readonly limit: number },
): Promise<AccountPriceList[]> {
  return db.query(`${LISTS} AND ($2::int IS NULL OR l.version < $2::int) ORDER BY l.version DESC LIMIT $3`, [
    accountId,
    page.before,
    page.limit,
  ]);
}

/** Those that apply or will, in the order in which they take effect: more than a hundred are not read. */
export async function readAccountSchedule(
  db: Queryable,
  accountId: string,
): Promise<readonly (Pick<AccountPriceList, "effectiveAt" | "until"> & { readonly list: PriceList })[]> {
  const rows = await db.query<AccountPriceList>(
    `${LISTS} AND l.ended_at IS NULL AND (l.until_at IS NULL OR l.until_at > c.now)
     ORDER BY l.effective_at DESC, l.version DESC LIMIT 100`,
    [accountId],
  );
  return rows.toReversed().map((row) => {
    const { effectiveAt, until } = row;
    return { effectiveAt, until, list: parsePublishedList(row) };
  });
}

/** Throws FareboxError `price_list_unknown`. */
async function readAccountPriceList(
  db: Queryable,
  accountId: string,
  version: number,
): Promise<AccountPriceList> {
  const [list] = await db.query<AccountPriceList>(`${LISTS} AND l.version = $2`, [accountId, version]);
  return list ?? refuseUnknown(version);
}
