import type { Credits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { canonicalJson } from "../../domain/json/canonical-json.ts";
import { microsOf, timeOfMicros } from "../database/cursor.ts";
import type { Queryable, Transaction } from "../database/database.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "../database/page.ts";
import type { ChargeFilter } from "./charge-filter.ts";
import type { RefundPreview } from "./preview-refunds.ts";

/** A refund by filter, which instances carry out in the background. */
export interface BulkRefund {
  readonly bulkId: string;
  /** Unique. */
  readonly reference: string;
  readonly reason: string;
  readonly filter: ChargeFilter;
  readonly state: "running" | "done" | "cancelled";
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
  /** What the filter matched when it was created. */
  readonly expected: BulkTotals;
  /** What was refunded so far. */
  readonly refunded: BulkTotals;
  /** Charges that match and of which nothing was left. */
  readonly skipped: number;
  /** Charges that the ledger would not refund, and the first few of them. */
  readonly failed: number;
  readonly failures: readonly RefundFailure[];
}

interface BulkTotals {
  readonly charges: number;
  readonly accounts: number;
  readonly credits: ReadonlyMap<string, Credits>;
}

export interface RefundFailure {
  readonly accountId: string;
  readonly creditType: string;
  readonly seq: number;
  readonly reason: string;
}

/** `filter` as it is stored. */
type StoredFilter = Omit<ChargeFilter, "from" | "to"> & { readonly from: string; readonly to: string };

/** Micro-credits per credit type, as text: a sum over all accounts may be more than a JSON number holds. */
type StoredCredits = Readonly<Record<string, string>>;

export interface BulkRow {
  readonly bulkId: string;
  readonly reference: string;
  readonly reason: string;
  readonly filter: StoredFilter;
  readonly state: BulkRefund["state"];
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
  readonly chargesExpected: bigint;
  readonly accountsExpected: bigint;
  readonly creditsExpected: StoredCredits;
  readonly chargesRefunded: bigint;
  readonly chargesSkipped: bigint;
  readonly chargesFailed: bigint;
  readonly accountsRefunded: bigint;
  readonly creditsRefunded: StoredCredits;
  readonly failures: readonly RefundFailure[];
}

export const BULK_COLUMNS = `bulk_id AS "bulkId", reference, reason, filter, state, created_at AS "createdAt",
  finished_at AS "finishedAt", charges_expected AS "chargesExpected", accounts_expected AS "accountsExpected",
  credits_expected AS "creditsExpected", charges_refunded AS "chargesRefunded", charges_skipped AS "chargesSkipped",
  charges_failed AS "chargesFailed", accounts_refunded AS "accountsRefunded", credits_refunded AS "creditsRefunded", failures`;

export interface NewBulkRefund {
  readonly bulkId: string;
  /** The id when absent. */
  readonly reference: string | undefined;
  readonly reason: string;
  readonly filter: ChargeFilter;
  /** What the filter matches: see `previewRefunds`. */
  readonly preview: Pick<RefundPreview, "charges" | "accounts" | "credits">;
}

/** Stores what is to be refunded; from its commit on instances carry it out. */
export async function createBulkRefund(tx: Transaction, bulk: NewBulkRefund): Promise<BulkRefund> {
  const { bulkId, reference = bulkId, reason, filter, preview } = bulk;
  const [row] = await tx.query<BulkRow>(
    `INSERT INTO farebox.bulk_refunds (bulk_id, reference, reason, filter, charges_expected, accounts_expected,
       credits_expected)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${BULK_COLUMNS}`,
    [
      bulkId,
      reference,
      reason,
      JSON.stringify(storeFilter(filter)),
      preview.charges,
      preview.accounts,
      storeCredits(preview.credits),
    ],
  );
  if (row === undefined) throw new Error(`bulk refund ${bulkId} was neither created nor refused`);
  return renderBulk(row);
}

/**
 * The bulk refund that was created with this reference, if any; of two that create one at once the second waits for the
 * first. Throws FareboxError `bulk_refund_conflict` when it is another one: other charges, or another reason.
 */
export async function findBulkRefund(
  tx: Transaction,
  { reference, reason, filter }: Pick<NewBulkRefund, "reference" | "reason" | "filter">,
): Promise<BulkRefund | undefined> {
  if (reference === undefined) return undefined;
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('farebox bulk refund ' || $1, 0))", [
    reference,
  ]);
  const [row] = await tx.query<BulkRow>(
    `SELECT ${BULK_COLUMNS} FROM farebox.bulk_refunds WHERE reference = $1`,
    [reference],
  );
  if (row === undefined) return undefined;
  const isSame = canonicalJson(row.filter) === canonicalJson({ ...storeFilter(filter) });
  if (isSame && row.reason === reason) return renderBulk(row);
  throw new FareboxError(
    "bulk_refund_conflict",
    `The reference ${reference} was used for ${row.bulkId}, which has another filter or reason.`,
    { detail: { reference, bulkId: row.bulkId } },
  );
}

/** Throws FareboxError `bulk_refund_unknown`. */
export async function readBulkRefund(db: Queryable, bulkId: string): Promise<BulkRefund> {
  const [row] = await db.query<BulkRow>(
    `SELECT ${BULK_COLUMNS} FROM farebox.bulk_refunds WHERE bulk_id = $1`,
    [bulkId],
  );
  return row === undefined ? refuseUnknown(bulkId) : renderBulk(row);
}

/** Newest first. Throws FareboxError `cursor_invalid`. */
export async function listBulkRefunds(db: Queryable, page: PageRequest): Promise<Page<BulkRefund>> {
  const rows = await db.query<BulkRow & { micros: bigint }>(
    `SELECT ${BULK_COLUMNS}, ${microsOf("created_at")} AS micros FROM farebox.bulk_refunds
     WHERE $1::bigint IS NULL OR (created_at, bulk_id) < (${timeOfMicros("$1")}, $2)
     ORDER BY created_at DESC, bulk_id DESC LIMIT $3`,
    [...readPosition(page), readLimit(page)],
  );
  const { items, next } = renderPage(rows, page, (row: BulkRow) => row.bulkId);
  return { items: items.map(renderBulk), next };
}

/**
 * Stops a bulk refund; what was refunded stays refunded. One that is cancelled already stays as it is.
 * Throws FareboxError `bulk_refund_unknown`, and `bulk_refund_finished` when it is done.
 */
export async function cancelBulkRefund(tx: Transaction, bulkId: string): Promise<BulkRefund> {
  const [row] = await tx.query<BulkRow>(
    `UPDATE farebox.bulk_refunds SET state = 'cancelled', finished_at = statement_timestamp()
     WHERE bulk_id = $1 AND state = 'running' RETURNING ${BULK_COLUMNS}`,
    [bulkId],
  );
  if (row !== undefined) return renderBulk(row);
  const bulk = await readBulkRefund(tx, bulkId);
  if (bulk.state === "cancelled") return bulk;
  throw new FareboxError("bulk_refund_finished", `${bulkId} was done at ${bulk.finishedAt?.toISOString()}.`, {
    detail: { bulkId },
  });
}

export function readFilter({ filter }: Pick<BulkRow, "filter">): ChargeFilter {
  return { ...filter, from: new Date(filter.from), to: new Date(filter.to) };
}

export function readCredits(stored: StoredCredits): Map<string, Credits> {
  return new Map(Object.entries(stored).map(([creditType, micro]) => [creditType, BigInt(micro)]));
}

/** JSON text. */
export function storeCredits(credits: ReadonlyMap<string, Credits>): string {
  return JSON.stringify(
    Object.fromEntries([...credits].map(([creditType, micro]) => [creditType, String(micro)])),
  );
}

function storeFilter({ from, to, ...rest }: ChargeFilter): StoredFilter {
  return { ...rest, from: from.toISOString(), to: to.toISOString() };
}

function renderBulk(row: BulkRow): BulkRefund {
  const { bulkId, reference, reason, state, createdAt, finishedAt, failures } = row;
  return {
    bulkId,
    reference,
    reason,
    filter: readFilter(row),
    state,
    createdAt,
    finishedAt,
    expected: {
      charges: Number(row.chargesExpected),
      accounts: Number(row.accountsExpected),
      credits: readCredits(row.creditsExpected),
    },
    refunded: {
      charges: Number(row.chargesRefunded),
      accounts: Number(row.accountsRefunded),
      credits: readCredits(row.creditsRefunded),
    },
    skipped: Number(row.chargesSkipped),
    failed: Number(row.chargesFailed),
    failures,
  };
}

function refuseUnknown(bulkId: string): never {
  throw new FareboxError("bulk_refund_unknown", `There is no bulk refund ${bulkId}.`, { detail: { bulkId } });
}
