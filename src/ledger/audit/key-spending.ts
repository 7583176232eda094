import type { Credits } from "../../domain/credits.ts";
import type { PoolReport, PoolRow } from "./audited-pool.ts";
import type { UsageGroup } from "./usage-group.ts";

/** A row of `key_spend`, or of `key_caps`. Windows are in quarters of an hour since 1970. */
export interface RecordedSpending extends PoolRow {
  readonly isCap: boolean;
  readonly keyNo: number;
  /** The window's beginning, and what was spent in it. */
  readonly day: number;
  readonly daySpent: Credits;
  readonly month: number;
  readonly monthEnd: number;
  readonly monthSpent: Credits;
  readonly totalSpent: Credits;
}

const QUARTERS_OF_DAY = 96;

interface Compared {
  readonly recorded: RecordedSpending;
  day: Credits;
  month: Credits;
  total: Credits;
}

/**
 * Compares what is recorded of keys' spending with their charges less refunds: in `key_spend` those that are rolled up, the windows
 * being those of the latest charge; in `key_caps` all of them, in the windows that the cap has come to.
 */
export class KeySpending {
  readonly #report: PoolReport;
  readonly #compared = new Map<number, Compared[]>();
  /** Keys with usage that is rolled up, and the day of the latest charge. */
  readonly #lastDays = new Map<number, number>();

  constructor(report: PoolReport) {
    this.#report = report;
  }

  /** Before anything is added. */
  expect(recorded: RecordedSpending): void {
    const compared = { recorded, day: 0n, month: 0n, total: 0n };
    this.#compared.set(recorded.keyNo, [...(this.#compared.get(recorded.keyNo) ?? []), compared]);
  }

  add({ keyNo, quarter, requests, credits, refunded, net }: UsageGroup): void {
    if (requests > 0n) {
      const day = Math.floor(quarter / QUARTERS_OF_DAY) * QUARTERS_OF_DAY;
      this.#lastDays.set(keyNo, Math.max(this.#lastDays.get(keyNo) ?? day, day));
    }
    for (const compared of this.#compared.get(keyNo) ?? []) {
      const { isCap, day, month, monthEnd } = compared.recorded;
      const spent = isCap ? net : credits - refunded;
      compared.total += spent;
      if (quarter >= day && quarter < day + QUARTERS_OF_DAY) compared.day += spent;
      if (quarter >= month && quarter < monthEnd) compared.month += spent;
    }
  }

  finish(): void {
    for (const [keyNo, compared] of this.#compared) {
      for (const one of compared) this.#compare(keyNo, one);
    }
    for (const [keyNo, day] of this.#lastDays) {
      const rolled = this.#compared.get(keyNo)?.find(({ recorded }) => !recorded.isCap)?.recorded;
      this.#report.equal("I1", SPEND, BigInt(rolled?.day ?? 0), BigInt(day), { keyNo, window: "day begins" });
    }
  }

  #compare(keyNo: number, { recorded, day, month, total }: Compared): void {
    const check = recorded.isCap ? CAP : SPEND;
    this.#report.equal("I1", check, recorded.daySpent, day, { keyNo, window: "day" });
    this.#report.equal("I1", check, recorded.monthSpent, month, { keyNo, window: "month" });
    this.#report.equal("I1", check, recorded.totalSpent, total, { keyNo, window: "total" });
  }
}

const CAP = "a cap's spent is the usage of its key";
const SPEND = "what keys have spent is the sum of their charges";
