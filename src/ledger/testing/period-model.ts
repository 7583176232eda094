import type { Every } from "../../domain/period.ts";

const DAY_MS = 86_400_000;

/**
 * The start of the period with this number: 0 starts at the anchor. All arithmetic is in UTC, so that days have 24 hours
 * and no time zone's rules change what a plan grants. Months and years keep the anchor's day and time of day, and a month
 * that has no such day gives its last: 31 January, 28 February, 31 March. This is the reference that the SQL is
 * tested against.
 */
export function periodStart(anchor: Date, every: Every, period: number): Date {
  if (every === "day") return new Date(anchor.getTime() + period * DAY_MS);
  if (every === "week") return new Date(anchor.getTime() + period * 7 * DAY_MS);
  return addMonths(anchor, every === "month" ? period : period * 12);
}

/** The first period that starts after the moment: its number, and when. Never a period before number 0. */
export function firstPeriodAfter(anchor: Date, every: Every, moment: Date): { period: number; at: Date } {
  let period = Math.max(0, Math.floor(estimatePeriods(anchor, every, moment)) - 1);
  let start = periodStart(anchor, every, period);
  // The estimate is at most two periods early: months and years differ in length, by less than one of them.
  while (start.getTime() <= moment.getTime()) {
    period += 1;
    start = periodStart(anchor, every, period);
  }
  return { period, at: start };
}

function estimatePeriods(anchor: Date, every: Every, moment: Date): number {
  const days = (moment.getTime() - anchor.getTime()) / DAY_MS;
  if (every === "day") return days;
  if (every === "week") return days / 7;
  const months =
    (moment.getUTCFullYear() - anchor.getUTCFullYear()) * 12 + moment.getUTCMonth() - anchor.getUTCMonth();
  return every === "month" ? months : months / 12;
}

function addMonths(anchor: Date, months: number): Date {
  const count = anchor.getUTCFullYear() * 12 + anchor.getUTCMonth() + months;
  const year = Math.floor(count / 12);
  const month = count - year * 12;
  const start = new Date(anchor.getTime());
  // The day last: setting a month that has no such day would run over into the next one.
  start.setUTCFullYear(year, month, Math.min(anchor.getUTCDate(), daysInMonth(year, month)));
  return start;
}

function daysInMonth(year: number, month: number): number {
  const last = new Date(0);
  last.setUTCFullYear(year, month + 1, 0);
  return last.getUTCDate();
}
