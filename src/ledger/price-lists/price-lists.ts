import { FareboxError } from "../../domain/farebox-error.ts";
import type { PriceList } from "../../domain/prices/price.ts";
import { parsePriceList } from "../../domain/prices/price-list-json.ts";
import type { Queryable, Transaction } from "../database/database.ts";
import type { Heartbeat } from "../ledger.ts";
import { isSameList } from "./same-list.ts";

/** A published list. Immutable, except that it can be cancelled until it takes effect. */
export interface PublishedPriceList {
  readonly version: number;
  readonly hash: string;
  readonly body: unknown;
  readonly effectiveAt: Date;
  readonly publishedAt: Date;
  readonly cancelledAt: Date | null;
  /** Whose prices they are; null: everybody's. */
  readonly accountId: string | null;
}

export interface Publication {
  readonly version: number;
  readonly effectiveAt: Date;
  /** False when the list that is in force at that time is the same one: nothing was written. */
  readonly isNew: boolean;
}

const COLUMNS = `version, hash, body, effective_at AS "effectiveAt", published_at AS "publishedAt",
  cancelled_at AS "cancelledAt", account_id AS "accountId"`;

/** Of two lists with the same moment the one published later applies. */
const NEWEST = "ORDER BY effective_at DESC, version DESC LIMIT 1";

/**
 * Publishes a list, from `effectiveAt` or from now on. When the list in force at that moment has the same hash, that
 * one is returned and no version is used up: instances that start with the same file publish once.
 * `body` is JSON text. Throws FareboxError `price_list_effective_past`.
 */
export async function publishPriceList(
  tx: Transaction,
  list: { readonly body: string; readonly hash: string; readonly effectiveAt: Date | null },
): Promise<Publication> {
  await lockPriceLists(tx);
  const [moment] = await tx.query<{ at: string; past: boolean }>(
    `SELECT coalesce($1::timestamptz, clock_timestamp())::text AS at, $1::timestamptz < clock_timestamp() AS past`,
    [list.effectiveAt],
  );
  if (moment === undefined) throw new Error("the database did not tell its time");
  if (moment.past) refusePast(list.effectiveAt);
  const [inForce] = await tx.query<{ version: number; hash: string; body: unknown; effectiveAt: Date }>(
    `SELECT version, hash, body, effective_at AS "effectiveAt" FROM farebox.price_lists
     WHERE cancelled_at IS NULL AND effective_at <= $1::timestamptz ${NEWEST}`,
    [moment.at],
  );
  if (inForce !== undefined && isSameList(list, inForce)) {
    return { version: inForce.version, effectiveAt: inForce.effectiveAt, isNew: false };
  }
  const [published] = await tx.query<{ version: number; effectiveAt: Date }>(
    `INSERT INTO farebox.price_lists (version, hash, body, effective_at)
     SELECT coalesce(max(version), 0) + 1, $1, $2::jsonb, $3::timestamptz FROM farebox.price_lists
     RETURNING version, effective_at AS "effectiveAt"`,
    [list.hash, list.body, moment.at],
  );
  if (published === undefined) throw new Error("the price list was neither published nor refused");
  return { ...published, isNew: true };
}

/** Versions count up without gaps, and nothing may be published between a comparison and the insert that follows from it. */
export async function lockPriceLists(tx: Transaction): Promise<void> {
  await tx.exec("LOCK TABLE farebox.price_lists IN SHARE ROW EXCLUSIVE MODE");
}

/**
 * The list that applied until this one took effect, or would if this one was cancelled; undefined for the first.
 * Throws FareboxError `price_list_unknown`.
 */
export async function readPriceListBefore(
  db: Queryable,
  version: number,
): Promise<PublishedPriceList | undefined> {
  await readSharedPriceList(db, version);
  const [list] = await db.query<PublishedPriceList>(
    `SELECT ${COLUMNS} FROM farebox.price_lists
     WHERE cancelled_at IS NULL AND (effective_at, version) <
       (SELECT p.effective_at, p.version FROM farebox.price_lists p WHERE p.version = $1) ${NEWEST}`,
    [version],
  );
  return list;
}

/** Everybody's, the newest version first. `before` is the last version of the page before. */
export function listPriceLists(
  db: Queryable,
  page: { readonly before?: number | undefined; readonly limit: number },
): Promise<PublishedPriceList[]> {
  return db.query(
    `SELECT ${COLUMNS} FROM farebox.price_lists
     WHERE account_id IS NULL AND ($1::int IS NULL OR version < $1::int)
     ORDER BY version DESC LIMIT $2`,
    [page.before, page.limit],
  );
}

/** Everybody's, or an account's. Throws FareboxError `price_list_unknown`. */
export async function readPriceList(db: Queryable, version: number): Promise<PublishedPriceList> {
  const [list] = await db.query<PublishedPriceList>(
    `SELECT ${COLUMNS} FROM farebox.price_lists WHERE version = $1`,
    [version],
  );
  return list ?? refuseUnknown(version);
}

/** A list that is everybody's: accounts' own are not known by their numbers alone. Throws FareboxError `price_list_unknown`. */
export async function readSharedPriceList(db: Queryable, version: number): Promise<PublishedPriceList> {
  const list = await readPriceList(db, version);
  return list.accountId === null ? list : refuseUnknown(version);
}

/** What the meter prices requests by. */
export async function loadPriceList(db: Queryable, version: number): Promise<PriceList> {
  return parsePublishedList(await readPriceList(db, version));
}

/** A stored list for pricing. Throws TypeError when this version cannot read what another one stored. */
export function parsePublishedList(list: Pick<PublishedPriceList, "version" | "body">): PriceList {
  const parsed = parsePriceList(list.body, list.version);
  if (parsed.ok) return parsed.value;
  throw new TypeError(`price list ${list.version} cannot be read: ${parsed.problems[0]?.reason ?? ""}`);
}

/** One row: the list in force now and the next announced one, by the database's clock. */
export const IN_FORCE = `SELECT
    (SELECT version FROM farebox.price_lists WHERE cancelled_at IS NULL AND effective_at <= c.now ${NEWEST}) AS "inForce",
    n.version AS next, ceil(extract(epoch FROM n.effective_at - c.now) * 1000)::float8 AS "inMs"
  FROM (SELECT clock_timestamp() AS now) c
  LEFT JOIN LATERAL (
    SELECT version, effective_at FROM farebox.price_lists
    WHERE cancelled_at IS NULL AND effective_at > c.now
    ORDER BY effective_at, version DESC LIMIT 1
  ) n ON true`;

/** As {@link IN_FORCE} has it. */
export interface InForceRow {
  readonly inForce: number | null;
  readonly next: number | null;
  readonly inMs: number | null;
}

export function readInForce(row: InForceRow | undefined): Pick<Heartbeat, "priceList" | "nextPriceList"> {
  const { inForce = null, next = null, inMs = null } = row ?? {};
  return {
    priceList: inForce,
    nextPriceList: next === null || inMs === null ? null : { version: next, inMs },
  };
}

/** The list in force now and the next announced one, by the database's clock. */
export async function readPriceListsInForce(
  db: Queryable,
): Promise<Pick<Heartbeat, "priceList" | "nextPriceList">> {
  const [row] = await db.query<InForceRow>({ name: "price-lists-in-force", isUrgent: true, text: IN_FORCE });
  return readInForce(row);
}

/** Instances know of a cancellation with their next heartbeat, and within so long at most; they switch lists by themselves. */
const TOLD_WITHIN_SECONDS = 5;

/**
 * Takes an announced list back. One that is cancelled already stays as it is. Throws FareboxError `price_list_unknown`,
 * and `price_list_in_force` from 5 seconds before it takes effect: an instance that had not heard of the cancellation would
 * price by it, and charges refer to it.
 */
export async function cancelPriceList(db: Queryable, version: number): Promise<PublishedPriceList> {
  const [cancelled] = await db.query<PublishedPriceList>(
    `UPDATE farebox.price_lists SET cancelled_at = statement_timestamp()
     WHERE version = $1 AND cancelled_at IS NULL
       AND effective_at > statement_timestamp() + make_interval(secs => $2) RETURNING ${COLUMNS}`,
    [version, TOLD_WITHIN_SECONDS],
  );
  if (cancelled !== undefined) return cancelled;
  const list = await readSharedPriceList(db, version);
  if (list.cancelledAt !== null) return list;
  throw new FareboxError(
    "price_list_in_force",
    `Price list ${version} takes effect at ${list.effectiveAt.toISOString()}: it is too late to cancel it. Publish another one.`,
    { detail: { version } },
  );
}

/** Throws FareboxError `price_list_unknown`. */
export function refuseUnknown(version: number): never {
  throw new FareboxError("price_list_unknown", `There is no price list ${version}.`, { detail: { version } });
}

function refusePast(effectiveAt: Date | null): never {
  throw new FareboxError(
    "price_list_effective_past",
    "A price list cannot take effect in the past. Give a later time, or none for now.",
    { detail: { effectiveAt: effectiveAt?.toISOString() } },
  );
}
