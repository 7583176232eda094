import type { UsageRow, UsageSums } from "./usage-query.ts";
import type { FoundSums } from "./usage-sums.ts";

const NOTHING = { requests: 0, units: 0, credits: 0n, refunded: 0n };

type Sums = typeof NOTHING;
type Group = Pick<UsageRow, "accountId" | "creditType" | "endpoint" | "keyId">;

export interface Line {
  readonly group: Group;
  /** By the bucket's number, from 1 on. */
  readonly byBucket: Map<number, Sums>;
}

/** A time that a line has a row for; of a report that is not by time the only one has none. */
interface RowTime {
  readonly time: Date | null;
  readonly timeEnd: Date | null;
}

export const WHOLE: RowTime = { time: null, timeEnd: null };

/** A row of each line for each time, in the order of time, the most credits first within one. The first time is bucket 1. */
export function renderLines(lines: readonly Line[], times: readonly RowTime[]): UsageRow[] {
  return times.flatMap((time, index) =>
    lines
      .map((line) => ({ ...time, ...line.group, ...(line.byBucket.get(index + 1) ?? NOTHING) }))
      .sort(mostCreditsFirst),
  );
}

/** What was found by its group, and the credit types that are always shown. */
export function groupLines(found: readonly FoundSums[], creditTypes: readonly string[]): Line[] {
  const lines = new Map<string, Line>();
  const lineOf = ({ accountId, creditType, endpoint, keyId }: Group): Line => {
    const name = JSON.stringify([accountId, creditType, endpoint, keyId]);
    let line = lines.get(name);
    if (line === undefined) {
      line = { group: { accountId, creditType, endpoint, keyId }, byBucket: new Map() };
      lines.set(name, line);
    }
    return line;
  };
  for (const creditType of creditTypes) lineOf({ accountId: null, creditType, endpoint: null, keyId: null });
  for (const { bucket, requests, units, credits, refunded, ...group } of found) {
    const { byBucket } = lineOf(group);
    const sums = { requests: Number(requests), units: Number(units), credits, refunded };
    byBucket.set(bucket, add(byBucket.get(bucket) ?? NOTHING, sums));
  }
  return [...lines.values()];
}

export function totalsOf(lines: readonly Line[], creditTypes: readonly string[]): UsageSums[] {
  const totals = new Map(creditTypes.map((creditType) => [creditType, NOTHING]));
  for (const { group, byBucket } of lines) {
    for (const sums of byBucket.values()) {
      totals.set(group.creditType, add(totals.get(group.creditType) ?? NOTHING, sums));
    }
  }
  return Array.from(totals, ([creditType, sums]) => ({ creditType, ...sums }));
}

function add(left: Sums, right: Sums): Sums {
  return {
    requests: left.requests + right.requests,
    units: left.units + right.units,
    credits: left.credits + right.credits,
    refunded: left.refunded + right.refunded,
  };
}

/** Then by name, so that the same report looks the same again. */
function mostCreditsFirst(left: UsageRow, right: UsageRow): number {
  if (left.credits !== right.credits) return left.credits > right.credits ? -1 : 1;
  return nameOf(left) < nameOf(right) ? -1 : 1;
}

function nameOf({ creditType, accountId, endpoint, keyId }: Group): string {
  return [creditType, accountId, endpoint, keyId].join("\n");
}
