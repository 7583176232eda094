/** What a line of a report is about: a length of time, or something else. */
export type LineLength = "hour" | "day" | "month" | "none";

/**
 * The longest periods, so that a report stays small. They are Postgres intervals, which go by the calendar, so that the end of summer
 * time does not count; `days` are those that fit in any year.
 */
export const LONGEST_REPORT: Readonly<
  Record<LineLength, { readonly interval: string; readonly days: number }>
> = {
  hour: { interval: "7 days", days: 7 },
  day: { interval: "60 days", days: 60 },
  month: { interval: "2 years", days: 730 },
  none: { interval: "2 years", days: 730 },
};
