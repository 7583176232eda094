/** A part of a bucket that is read from one roll-up: rows of a quarter of an hour, an hour or a day, in `[from, to)`. */
export interface UsageSpan {
  readonly span: "quarter" | "hour" | "day";
  readonly from: Date;
  readonly to: Date;
  /** The bucket's number, from 1 on. */
  readonly bucket: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Divides buckets into the fewest rows that have exactly their usage: whole UTC days, then whole hours, then quarters. The
 * bounds lie on quarters and are one more than the buckets.
 */
export function divideBuckets(bounds: readonly Date[]): UsageSpan[] {
  const spans: UsageSpan[] = [];
  const add = (span: UsageSpan["span"], from: number, to: number, bucket: number): void => {
    if (from < to) spans.push({ span, from: new Date(from), to: new Date(to), bucket });
  };
  const divide = (from: number, to: number, bucket: number, [unit, ...smaller]: readonly Unit[]): void => {
    if (unit === undefined) return add("quarter", from, to, bucket);
    const first = Math.ceil(from / unit.ms) * unit.ms;
    const end = Math.floor(to / unit.ms) * unit.ms;
    if (first >= end) return divide(from, to, bucket, smaller);
    divide(from, first, bucket, smaller);
    add(unit.span, first, end, bucket);
    divide(end, to, bucket, smaller);
  };
  for (const [index, from] of bounds.slice(0, -1).entries()) {
    divide(from.getTime(), bounds[index + 1]?.getTime() ?? from.getTime(), index + 1, UNITS);
  }
  return spans;
}

interface Unit {
  readonly span: "hour" | "day";
  readonly ms: number;
}

const UNITS: readonly Unit[] = [
  { span: "day", ms: DAY_MS },
  { span: "hour", ms: HOUR_MS },
];
