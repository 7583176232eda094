import { parseDuration } from "../../domain/duration.ts";
import { type OwnField, type OwnRequest, ownFieldName, readOwnField } from "../../domain/own-request.ts";
import { zonedClock } from "../../domain/zoned-time.ts";
import type { UsageProblem } from "../contract.ts";
import type { UsageRequestTemplate } from "./endpoint-schema.ts";

/** Seconds are optional, a fraction of them too; the offset is not: nobody has to guess a time zone. */
const MOMENT = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2}))?$/i;

interface ReadPeriod {
  readonly from: Date;
  readonly to: Date;
  /** As the request has them, or as they are for one that has not. */
  readonly fromText: string;
  readonly toText: string;
}

/** The period of a request: what it names, and for what it does not name what the contract says. */
export function readPeriod(
  { from, to, period }: Pick<UsageRequestTemplate, "from" | "to" | "period">,
  request: OwnRequest,
  timeZone: string,
  nowMs: number,
): ReadPeriod | UsageProblem {
  const isNamed = from !== undefined && readOwnField(from, request) !== undefined;
  const named = isNamed || period === undefined ? readMoment(from, request, undefined) : undefined;
  if (named !== undefined && "reason" in named) return named;
  const end = readMoment(to, request, period === undefined ? undefined : new Date(nowMs));
  if ("reason" in end) return end;
  const start = named ?? momentAt(beginningOf(period ?? "month", end.moment, timeZone));
  return { from: start.moment, to: end.moment, fromText: start.text, toText: end.text };
}

/** Where a period begins that ends at a moment. */
function beginningOf(period: string, end: Date, timeZone: string): Date {
  const seconds = parseDuration(period);
  if (seconds !== undefined) return new Date(end.getTime() - seconds * 1000);
  const read = zonedClock(timeZone);
  const { date } = read(end.getTime() - 1);
  return startOfDay(period === "month" ? `${date.slice(0, 7)}-01` : date, read);
}

/** When a day begins in a time zone: its clock shows midnight, or what follows where midnight is left out. */
function startOfDay(date: string, read: ReturnType<typeof zonedClock>): Date {
  const utc = Date.parse(`${date}T00:00:00Z`);
  const { iso } = read(utc);
  const shown = Date.parse(`${iso.slice(0, 19)}Z`);
  const guess = utc - (shown - utc);
  // The offset of the guess may be another one than that of midnight UTC.
  const again = Date.parse(`${read(guess).iso.slice(0, 19)}Z`);
  return new Date(guess - (again - utc));
}

export function isTimeZone(name: string): boolean {
  try {
    zonedClock(name);
    return true;
  } catch {
    return false;
  }
}

function readMoment(
  field: OwnField | undefined,
  request: OwnRequest,
  fallback: Date | undefined,
): { readonly moment: Date; readonly text: string } | UsageProblem {
  const value = field === undefined ? undefined : readOwnField(field, request);
  if (value === undefined && fallback !== undefined) return momentAt(fallback);
  if (typeof value === "string" && MOMENT.test(value)) {
    const moment = new Date(value);
    // `2026-02-31` is read as a day in March: what is not the day that was written is refused.
    if (!Number.isNaN(moment.getTime()) && isDay(value.slice(0, 10))) return { moment, text: value };
  }
  const isMissing = value === undefined;
  const reason = isMissing
    ? "is missing"
    : "must be an ISO 8601 time with its offset, like 2026-08-01T00:00:00Z, or a date";
  return {
    part: "period",
    fault: isMissing ? "missing" : "invalid",
    path: field === undefined ? "period" : ownFieldName(field),
    reason,
  };
}

function momentAt(moment: Date): { readonly moment: Date; readonly text: string } {
  return { moment, text: `${moment.toISOString().slice(0, 19)}Z` };
}

function isDay(text: string): boolean {
  const moment = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(text);
}
