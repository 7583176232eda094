import { FareboxError } from "../../domain/farebox-error.ts";
import type { Queryable } from "../database/database.ts";
import { explain } from "./usage-buckets.ts";

export interface MonthPeriod {
  /** Any moment of the first month, and of the last. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** Ten years. */
const MOST_MONTHS = 120;

/** Without a first month. */
const USUAL_MONTHS = 12;

/**
 * The first moments of the months of UTC that are asked for. Throws FareboxError `usage_period_invalid`, `usage_period_too_long`; the
 * detail's `errors` name the field.
 */
export function listMonths({ from, to }: MonthPeriod, now: Date): Date[] {
  const last = monthOf(to ?? now);
  const first = from === undefined ? addMonths(last, 1 - USUAL_MONTHS) : monthOf(from);
  if (first > last)
    throw new FareboxError(
      "usage_period_invalid",
      ...explain("from", "must not be in a later month than `to`"),
    );
  if (last > monthOf(now))
    throw new FareboxError("usage_period_invalid", ...explain("to", "must not be in a month to come"));
  const months = [first];
  while ((months.at(-1) ?? last) < last) months.push(nextMonth(months.at(-1) ?? last));
  if (months.length > MOST_MONTHS) {
    const reason = `must be at most ${MOST_MONTHS} months before \`to\``;
    throw new FareboxError("usage_period_too_long", ...explain("from", reason));
  }
  return months;
}

function monthOf(time: Date): Date {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth()));
}

function addMonths(month: Date, count: number): Date {
  return new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + count));
}

export function nextMonth(month: Date): Date {
  return addMonths(month, 1);
}

export async function readNow(db: Queryable): Promise<Date> {
  const [row] = await db.query<{ now: Date }>("SELECT clock_timestamp() AS now");
  if (row === undefined) throw new Error("the database did not tell its time");
  return row.now;
}
