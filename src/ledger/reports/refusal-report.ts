import type { Database, Queryable } from "../database/database.ts";
import { REFUSALS_SHARD } from "../instance/refusal-tally.ts";
import { listMonths, type MonthPeriod, nextMonth, readNow } from "./report-months.ts";

/** So many requests of a month were refused with one code. */
export interface RefusalRow {
  /** Its first moment, in UTC; and that of the next month. */
  readonly month: Date;
  readonly monthEnd: Date;
  readonly code: string;
  /** What the refusal names: of credits that were short, say. Null: it names none. */
  readonly creditType: string | null;
  readonly requests: number;
}

export interface RefusalReport {
  /** The first month asked for and the one behind the last. */
  readonly from: Date;
  readonly to: Date;
  /** The newest month first, in it what was refused most. A month without refusals has none. */
  readonly rows: readonly RefusalRow[];
}

/**
 * What was refused, by month of UTC, code and credit type, over all accounts: as the instances counted it until some seconds ago. Some
 * hundred rows at most.
 *
 * Throws FareboxError `usage_period_invalid`, `usage_period_too_long`; the detail's `errors` name the field.
 */
export async function readRefusalReport(db: Database, query: MonthPeriod): Promise<RefusalReport> {
  const months = listMonths(query, await readNow(db));
  const from = months[0] ?? new Date(0);
  const to = nextMonth(months.at(-1) ?? from);
  return { from, to, rows: await readRefusals(db, from, to) };
}

/** Those of the months from the first moment of one to that of another. */
export async function readRefusals(db: Queryable, from: Date, to: Date): Promise<RefusalRow[]> {
  const rows = await db.query<Omit<RefusalRow, "monthEnd" | "requests"> & { readonly requests: bigint }>(
    `SELECT r.month, r.code, t.credit_type AS "creditType", r.requests
     FROM farebox.refusal_sums r LEFT JOIN farebox.credit_types t ON t.type_no = r.type_no
     WHERE r.shard = $1 AND r.month >= $2 AND r.month < $3 ORDER BY r.month DESC, r.requests DESC, r.code, t.credit_type`,
    [REFUSALS_SHARD, from, to],
  );
  return rows.map(({ month, code, creditType, requests }) => ({
    month,
    monthEnd: nextMonth(month),
    code,
    creditType,
    requests: Number(requests),
  }));
}
