/** Rows of one roll-up: of a quarter of an hour, an hour or a day, in `[from, to)`. */
export interface UsageSpan {
  readonly span: "quarter" | "hour" | "day";
  readonly from: Date;
  readonly to: Date;
  /** The number of the bucket that it is a part of, from 1 on; null: of none. */
  readonly plus: number | null;
  /** The bucket that has it in a greater row and that it is no part of; null: none. */
  readonly minus: number | null;
}

const QUARTER_MS = 15 * 60_000;
const HOUR_MS = 4 * QUARTER_MS;
const DAY_MS = 24 * HOUR_MS;

const UNITS = [
  { span: "day", ms: DAY_MS },
  { span: "hour", ms: HOUR_MS },
  { span: "quarter", ms: QUARTER_MS },
] as const;

type Unit = (typeof UNITS)[number];

/**
 * Divides buckets into few rows that have exactly their usage. The bounds lie on quarters and are one more than the buckets.
 *
 * A bound is taken for the nearest beginning of a UTC day: what lies between the two is read by hours and quarters, and counts to the
 * bucket on one side of the bound and from that on the other. So a day in New York is a UTC day and four hours, not 24. Where all buckets
 * are shorter than a day each is read by itself.
 */
export function divideBuckets(bounds: readonly Date[]): UsageSpan[] {
  const times = bounds.map((bound) => bound.getTime());
  const isByDay = times.some((time, index) => time - (times[index - 1] ?? time) >= DAY_MS);
  return isByDay
    ? divideByDays(times)
    : times.slice(1).flatMap((to, index) => divide(times[index] ?? to, to, index + 1));
}

function divideByDays(times: readonly number[]): UsageSpan[] {
  const last = times.length - 1;
  const spans: UsageSpan[] = [];
  const days = times.map((time) => nearest(time, DAY_MS));
  for (const [index, time] of times.entries()) {
    const day = days[index] ?? time;
    const before = index === 0 ? null : index;
    const after = index === last ? null : index + 1;
    if (before !== null) spans.push(...spanOf("day", days[index - 1] ?? day, day, before, null));
    const hour = nearest(time, HOUR_MS);
    for (const [unit, from, to] of [
      ["hour", day, hour],
      ["quarter", hour, time],
    ] as const) {
      spans.push(
        ...(from < to ? spanOf(unit, from, to, before, after) : spanOf(unit, to, from, after, before)),
      );
    }
  }
  return spans;
}

/** Whole days, then whole hours, then quarters. */
function divide(
  from: number,
  to: number,
  bucket: number,
  [unit, ...smaller]: readonly Unit[] = UNITS,
): UsageSpan[] {
  if (unit === undefined) return [];
  const first = Math.ceil(from / unit.ms) * unit.ms;
  const end = Math.floor(to / unit.ms) * unit.ms;
  if (first >= end) return divide(from, to, bucket, smaller);
  return [
    ...divide(from, first, bucket, smaller),
    ...spanOf(unit.span, first, end, bucket, null),
    ...divide(end, to, bucket, smaller),
  ];
}

const nearest = (time: number, unit: number): number => Math.round(time / unit) * unit;

function spanOf(
  span: UsageSpan["span"],
  from: number,
  to: number,
  plus: number | null,
  minus: number | null,
): UsageSpan[] {
  if (from >= to) return [];
  return [{ span, from: new Date(from), to: new Date(to), plus, minus }];
}
