/** What clocks and calendars of a time zone show at a moment. */
export interface ZonedTime {
  /** `2026-08-23` */
  readonly date: string;
  /** `13:00` */
  readonly clock: string;
  /** `2026-08-23T13:00:00-04:00`; with `Z` in UTC. */
  readonly iso: string;
}

const MS_PER_MINUTE = 60_000;

/**
 * Reads clocks of one time zone (`UTC`, `Europe/Berlin`). Made once for many moments, because making it costs a thousand
 * times what reading does. Throws RangeError for a zone that is not known. For years from 1970 to 9999.
 */
export function zonedClock(timeZone: string): (unixMs: number) => ZonedTime {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "iso8601",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  const isUtc = format.resolvedOptions().timeZone === "UTC";
  return (unixMs) => {
    const parts = new Map(format.formatToParts(unixMs).map(({ type, value }) => [type, value]));
    const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "";
    const date = `${of("year")}-${of("month")}-${of("day")}`;
    const clock = `${of("hour")}:${of("minute")}`;
    const local = `${date}T${clock}:${of("second")}`;
    const wholeSecond = Math.floor(unixMs / 1000) * 1000;
    const offset = isUtc ? "Z" : printOffset((Date.parse(`${local}Z`) - wholeSecond) / MS_PER_MINUTE);
    return { date, clock, iso: local + offset };
  };
}

function printOffset(minutes: number): string {
  const absolute = Math.abs(Math.round(minutes));
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(absolute / 60))}:${two(absolute % 60)}`;
}

/** In English, January first. */
export const MONTH_NAMES = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;
