import { FareboxError } from "../../domain/farebox-error.ts";
import { LONGEST_REPORT } from "../../domain/longest-report.ts";
import type { Queryable } from "../database/database.ts";
import { sqlStateOf } from "../database/storage-error.ts";

/** Over how much time one bucket of a report goes: an hour, day or month of the calendar in a time zone. */
export type Resolution = "hour" | "day" | "month";

export interface Period {
  /** Of `[from, to)`. */
  readonly from: Date;
  readonly to: Date;
}

const QUARTER_MS = 15 * 60_000;

/** Later years have five digits somewhere on earth, which Postgres writes in another way. */
const LAST_MS = Date.UTC(9999, 0, 1);

/**
 * The period in whole quarters of an hour: usage is known by the quarter. The one in which `from` lies and the one in which
 * `to` lies belong to it, so that a period up to now has the last call in it. Periods that meet at a quarter add up.
 */
export function roundToQuarters({ from, to }: Period): Period {
  return {
    from: new Date(Math.floor(from.getTime() / QUARTER_MS) * QUARTER_MS),
    to: new Date(Math.ceil(to.getTime() / QUARTER_MS) * QUARTER_MS),
  };
}

/**
 * Throws FareboxError `time_zone_unknown` for everything but `UTC` and the names of places (`Europe/Berlin`): Postgres reads
 * the sign of an offset the other way round, and takes `CET` for an offset where others take it for a place with summer time.
 */
export function checkTimeZone(timeZone: string): void {
  if (timeZone.toUpperCase() !== "UTC" && !timeZone.includes("/")) refuseTimeZone(timeZone);
  try {
    Intl.DateTimeFormat("en", { timeZone });
  } catch (cause) {
    refuseTimeZone(timeZone, cause);
  }
}

/** How far a period goes back whose beginning is not said, before the beginning of the bucket in which it ends. */
const USUAL: Readonly<Record<Resolution, string>> = { hour: "23 hours", day: "29 days", month: "11 months" };

/**
 * The period that was asked for, with what was left out: up to now by the database's clock, from the beginning of a bucket,
 * so that the first one is whole. Throws FareboxError `time_zone_unknown`.
 */
export async function readPeriod(
  db: Queryable,
  asked: { readonly from?: Date | undefined; readonly to?: Date | undefined },
  timeZone: string,
  resolution: Resolution | undefined,
): Promise<Period> {
  const { from, to } = asked;
  if (from !== undefined && to !== undefined) return { from, to };
  const before =
    resolution === undefined
      ? "e.at - interval '30 days'"
      : `(date_trunc('${resolution}', (e.at - interval '1 millisecond') AT TIME ZONE $2) - interval '${USUAL[resolution]}')
          AT TIME ZONE $2`;
  const [row] = await inZone(timeZone, () =>
    db.query<Period>(
      `SELECT coalesce($3::timestamptz, ${before}) AS "from", e.at AS "to"
       FROM (SELECT coalesce($1::timestamptz, clock_timestamp()) AS at, $2::text AS zone) e`,
      [to, timeZone, from],
    ),
  );
  if (row === undefined) throw new Error("the database did not tell its time");
  return row;
}

/** Throws FareboxError `usage_period_invalid`, `usage_period_too_long`, `time_zone_unknown`. */
export async function checkPeriod(
  db: Queryable,
  { from, to }: Period,
  timeZone: string,
  resolution: Resolution | undefined,
): Promise<void> {
  if (from.getTime() < 0 || to.getTime() > LAST_MS) refuseYear(from.getTime() < 0 ? "from" : "to");
  if (from.getTime() >= to.getTime()) {
    throw new FareboxError("usage_period_invalid", ...explain("from", "must be before `to`"));
  }
  const longest = LONGEST_REPORT[resolution ?? "none"].interval;
  const [row] = await inZone(timeZone, () =>
    db.query<{ fits: boolean }>(
      `SELECT ($2::timestamptz AT TIME ZONE $3) <= ($1::timestamptz AT TIME ZONE $3) + $4::interval AS fits`,
      [from, to, timeZone, longest],
    ),
  );
  if (row?.fits === true) return;
  const by = resolution === undefined ? "" : ` by ${resolution}`;
  const reason = `must be at most ${longest} after \`from\` in a report${by}`;
  throw new FareboxError("usage_period_too_long", ...explain("to", reason));
}

function refuseYear(path: "from" | "to"): never {
  throw new FareboxError("usage_period_invalid", ...explain(path, "must be in the years 1970 to 9998"));
}

/**
 * When the buckets of a period begin: `from` first, then each beginning of an hour, day or month before `to`. Where clocks
 * are changed, a day has as many hours as it had, and begins when its date did, be it at one o'clock; an hour of the clock
 * that comes twice is two buckets.
 */
export async function computeBuckets(
  db: Queryable,
  { from, to }: Period,
  timeZone: string,
  resolution: Resolution,
): Promise<readonly Date[]> {
  const rows = await inZone(timeZone, () =>
    resolution === "hour"
      ? db.query<{ at: Date }>(HOURS, [from, to, timeZone])
      : db.query<{ at: Date }>(DATES, [from, to, timeZone, resolution]),
  );
  return [from, ...rows.map(({ at }) => at)];
}

/** An hour begins where the clock shows its beginning, and where the clock is changed. */
const HOURS = `SELECT q AS at
  FROM generate_series($1::timestamptz, $2::timestamptz, interval '15 minutes') q
  CROSS JOIN LATERAL (SELECT q AT TIME ZONE $3 AS clock, (q - interval '15 minutes') AT TIME ZONE $3 AS clock_before) c
  WHERE q > $1 AND q < $2
    AND (c.clock = date_trunc('hour', c.clock) OR c.clock - c.clock_before <> interval '15 minutes')
  ORDER BY q`;

/**
 * A date begins with the first quarter whose clock shows it. AT TIME ZONE alone is wrong where midnight comes twice: it
 * takes the second one. Dates that a place left out (they moved it across the date line) begin with the next one.
 */
const DATES = `SELECT DISTINCT first.at
  FROM generate_series(
    date_trunc($4, $1::timestamptz AT TIME ZONE $3), $2::timestamptz AT TIME ZONE $3, ('1 ' || $4)::interval) clock
  CROSS JOIN LATERAL (
    SELECT min(q) AS at
    FROM generate_series((clock AT TIME ZONE $3) - interval '3 hours', clock AT TIME ZONE $3, interval '15 minutes') q
    WHERE (q AT TIME ZONE $3) >= clock
  ) first
  WHERE first.at > $1 AND first.at < $2
  ORDER BY first.at`;

/** Zones that this computer knows and the database does not: their lists are of different years. */
async function inZone<T>(timeZone: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (sqlStateOf(error) === "22023") refuseTimeZone(timeZone, error);
    throw error;
  }
}

function refuseTimeZone(timeZone: string, cause?: unknown): never {
  const reason = `must be UTC or the name of a place's time zone, like Europe/Berlin, not ${JSON.stringify(timeZone)}`;
  throw new FareboxError("time_zone_unknown", ...explain("timeZone", reason, cause));
}

/** The text and the detail of an error that says which field is wrong and why. */
export function explain(
  path: string,
  reason: string,
  cause?: unknown,
): [message: string, options: { detail: Record<string, unknown>; cause: unknown }] {
  return [`No report can be made: \`${path}\` ${reason}.`, { detail: { errors: [{ path, reason }] }, cause }];
}
