import { type AuditedPool, type AuditFinding, PoolReport, type PoolRow } from "./audited-pool.ts";
import { KeySpending } from "./key-spending.ts";
import type { UsageGroup, UsageSums } from "./usage-group.ts";

/** A row of `usage`. */
export interface RecordedUsage extends PoolRow, UsageSums {
  readonly span: keyof typeof QUARTERS;
  /** Its first quarter. */
  readonly quarter: number;
  readonly keyNo: number;
  readonly endpointNo: number;
}

interface Bucket extends Pick<RecordedUsage, "span" | "quarter" | "keyNo" | "endpointNo"> {
  sums: UsageSums;
}

/** Quarters of an hour in each span. */
const QUARTERS = { q: 1, h: 4, d: 96 } as const;

const QUARTER_MS = 900_000;
const NAMES = ["requests", "units", "credits", "refunded"] as const;
const NOTHING: UsageSums = { requests: 0n, units: 0n, credits: 0n, refunded: 0n };

/** What a pool's entries say of its usage, compared with what is recorded: by quarters of an hour, hours and days. */
export class PoolUsage {
  readonly spending: KeySpending;
  readonly report: PoolReport;
  /** Where the day of the last charge begins. */
  lastDay = Number.NEGATIVE_INFINITY;
  readonly #computed = new Map<string, Bucket>();
  readonly #wrong = new Map<
    (typeof NAMES)[number],
    { count: number; readonly first: AuditFinding["detail"] }
  >();

  constructor(pool: AuditedPool) {
    this.report = new PoolReport(pool);
    this.spending = new KeySpending(this.report);
  }

  add(group: UsageGroup): void {
    this.lastDay = Math.max(this.lastDay, Math.floor(group.quarter / QUARTERS.d) * QUARTERS.d);
    this.spending.add(group);
    if (group.requests === 0n && group.refunded === 0n) return;
    for (const span of ["q", "h", "d"] as const) {
      const { keyNo, endpointNo } = group;
      const quarter = Math.floor(group.quarter / QUARTERS[span]) * QUARTERS[span];
      const bucket = this.#computed.get(bucketName({ span, quarter, keyNo, endpointNo }));
      if (bucket === undefined) {
        const sums = group;
        this.#computed.set(bucketName({ span, quarter, keyNo, endpointNo }), {
          span,
          quarter,
          keyNo,
          endpointNo,
          sums,
        });
      } else bucket.sums = addSums(bucket.sums, group);
    }
  }

  /** Compares the usage of all spans that begin before a moment with what is recorded, and forgets it. */
  compare(recorded: readonly RecordedUsage[], before: number): void {
    for (const row of recorded) {
      const name = bucketName(row);
      this.#compareOne(row, row, this.#computed.get(name)?.sums ?? NOTHING);
      this.#computed.delete(name);
    }
    for (const [name, bucket] of this.#computed) {
      if (bucket.quarter >= before) continue;
      this.#compareOne(bucket, NOTHING, bucket.sums);
      this.#computed.delete(name);
    }
  }

  /** Everything is added and compared. */
  finish(): readonly AuditFinding[] {
    for (const [name, { count, first }] of this.#wrong) {
      this.report.add("I1", `usage ${name} are those of the charges`, { wrong: count, ...first });
    }
    this.spending.finish();
    return this.report.findings;
  }

  #compareOne(
    { span, quarter, keyNo, endpointNo }: Omit<Bucket, "sums">,
    recorded: UsageSums,
    computed: UsageSums,
  ): void {
    for (const name of NAMES) {
      if (recorded[name] === computed[name]) continue;
      const time = new Date(quarter * QUARTER_MS).toISOString();
      const first = { span, time, keyNo, endpointNo, recorded: recorded[name], computed: computed[name] };
      const wrong = this.#wrong.get(name);
      if (wrong === undefined) this.#wrong.set(name, { count: 1, first });
      else wrong.count += 1;
    }
  }
}

function bucketName({ span, quarter, keyNo, endpointNo }: Omit<Bucket, "sums">): string {
  return `${span} ${quarter} ${keyNo} ${endpointNo}`;
}

function addSums(left: UsageSums, right: UsageSums): UsageSums {
  return {
    requests: left.requests + right.requests,
    units: left.units + right.units,
    credits: left.credits + right.credits,
    refunded: left.refunded + right.refunded,
  };
}
