import { createHash } from "node:crypto";
import type { Every } from "../../domain/period.ts";
import { firstPeriodAfter, periodStart } from "./period-model.ts";

export interface ModelItem {
  readonly creditType: string;
  readonly amount: bigint;
  readonly every: Every;
  readonly rollover: "none" | "all" | bigint;
  readonly anchor: "assignment" | "calendar";
}

interface ModelRow {
  readonly plan: string;
  item: ModelItem;
  anchorAt: Date;
  nextAt: Date;
  period: number;
  until: Date | undefined;
}

export interface ModelGrant {
  readonly reference: string;
  readonly plan: string;
  readonly creditType: string;
  readonly effectiveAt: Date;
  readonly expiresAt: Date | undefined;
  left: bigint;
}

const LENGTHS: readonly Every[] = ["year", "month", "week", "day"];

/** Where the calendar's periods are counted from; any day that begins one would do, and each kind of period has its own. */
const CALENDAR: Readonly<Record<Every, Date>> = {
  year: new Date("2000-01-01"),
  month: new Date("2000-02-01"),
  week: new Date("2000-01-03"),
  day: new Date("2000-01-05"),
};

/**
 * What an account's plan should have granted, kept the simplest way: nothing is lazy, nothing is spent, and periods come from a
 * reference of their own.
 */
export class PlanModel {
  now: Date;
  plan: string | undefined;
  next: { readonly plan: string | undefined; readonly at: Date } | undefined;
  rows: ModelRow[] = [];
  /** Everything that was ever granted. */
  readonly grants = new Map<string, ModelGrant>();

  readonly #account: string;

  constructor(account: string, now: Date) {
    this.#account = account;
    this.now = now;
  }

  balance(creditType: string): bigint {
    let sum = 0n;
    for (const grant of this.grants.values()) if (grant.creditType === creditType) sum += grant.left;
    return sum;
  }

  /** Applies everything that is due by now, in the order of time. */
  advance(): void {
    for (;;) {
      const expiry = this.#dueGrant();
      const row = this.#dueRow();
      if (expiry?.expiresAt !== undefined && (row === undefined || expiry.expiresAt <= row.nextAt))
        expiry.left = 0n;
      else if (row !== undefined) this.#refresh(row);
      else break;
    }
    const { next } = this;
    if (next === undefined || next.at > this.now) return;
    this.plan = next.plan;
    this.rows = this.rows.filter(({ until }) => until === undefined);
    this.next = undefined;
  }

  change(
    plan: string | undefined,
    items: readonly ModelItem[],
    when: "now" | "refresh",
    anchorAt?: Date,
  ): void {
    this.advance();
    this.withdraw();
    const refresh = when === "refresh" && plan !== this.plan ? this.#nextRefresh() : undefined;
    if (refresh !== undefined) {
      for (const row of this.rows) row.until = refresh;
      if (plan !== undefined) this.#write(plan, items, refresh, refresh);
      this.next = { plan, at: refresh };
      return;
    }
    if (plan !== this.plan) this.rows = [];
    else if (anchorAt !== undefined) {
      this.rows = this.rows.filter(
        (row) => row.item.anchor === "calendar" || row.anchorAt.getTime() === anchorAt.getTime(),
      );
    }
    this.plan = plan;
    const start = anchorAt !== undefined && anchorAt > this.now ? anchorAt : this.now;
    if (plan !== undefined) this.#write(plan, items, start, anchorAt ?? this.now);
    this.advance();
  }

  withdraw(): boolean {
    if (this.next === undefined) return false;
    this.rows = this.rows.filter(({ plan }) => plan === this.plan);
    for (const row of this.rows) row.until = undefined;
    this.next = undefined;
    return true;
  }

  follow(plan: string, items: readonly ModelItem[]): void {
    this.advance();
    if (plan === this.plan) this.#write(plan, items, this.now, this.now, this.next?.at);
    else if (this.next?.plan === plan) this.#write(plan, items, this.next.at, this.next.at);
    this.advance();
  }

  /** When the account's pool of this type is granted something next. */
  nextRefresh(creditType: string): Date | undefined {
    const moments = this.rows.filter((row) => row.item.creditType === creditType && goesOn(row));
    return moments.map(({ nextAt }) => nextAt).toSorted(byTime)[0];
  }

  #write(plan: string, items: readonly ModelItem[], start: Date, anchorAt: Date, until?: Date): void {
    this.rows = this.rows.filter(
      (row) => row.plan !== plan || items.some(({ creditType }) => creditType === row.item.creditType),
    );
    for (const item of items) {
      const row = this.rows.find((one) => one.plan === plan && one.item.creditType === item.creditType);
      const calendar = item.anchor === "calendar" ? CALENDAR[item.every] : undefined;
      if (row === undefined) {
        const anchor = calendar ?? anchorAt;
        const period = periodAt(anchor, item.every, start);
        this.rows.push({ plan, item, anchorAt: anchor, nextAt: start, period, until });
      } else {
        if (row.item.every !== item.every || row.item.anchor !== item.anchor) {
          row.anchorAt = calendar ?? row.nextAt;
          row.period = periodAt(row.anchorAt, item.every, row.nextAt);
        }
        row.item = item;
      }
    }
  }

  #nextRefresh(): Date | undefined {
    for (const every of LENGTHS) {
      const moments = this.rows.filter(({ item }) => item.every === every).map(({ nextAt }) => nextAt);
      if (moments.length > 0) return moments.toSorted(byTime)[0];
    }
    return undefined;
  }

  #dueRow(): ModelRow | undefined {
    return this.rows
      .filter((row) => row.nextAt <= this.now && goesOn(row))
      .toSorted((a, b) => byTime(a.nextAt, b.nextAt))[0];
  }

  #dueGrant(): ModelGrant | undefined {
    return [...this.grants.values()]
      .filter(({ expiresAt, left }) => left > 0n && expiresAt !== undefined && expiresAt <= this.now)
      .toSorted((a, b) => byTime(a.expiresAt ?? this.now, b.expiresAt ?? this.now))[0];
  }

  #refresh(row: ModelRow): void {
    const { creditType, amount, every, rollover } = row.item;
    if (typeof rollover === "bigint") this.#cap(row.plan, creditType, rollover);
    const reference = `recurring:${creditType}:${row.plan}:${row.anchorAt.getTime()}000:${row.period}`;
    const effectiveAt = row.nextAt;
    row.period += 1;
    row.nextAt = periodStart(row.anchorAt, every, row.period);
    if (this.grants.has(reference)) return;
    const expiresAt = rollover === "none" ? row.nextAt : undefined;
    this.grants.set(reference, {
      reference,
      plan: row.plan,
      creditType,
      effectiveAt,
      expiresAt,
      left: amount,
    });
  }

  /** What would be drawn first goes first: what expires, then the oldest; of two of one moment the one with the lower id. */
  #cap(plan: string, creditType: string, cap: bigint): void {
    const kept = [...this.grants.values()].filter(
      (grant) => grant.plan === plan && grant.creditType === creditType,
    );
    let excess = kept.reduce((sum, { left }) => sum + left, 0n) - cap;
    const end = (grant: ModelGrant): number => grant.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
    const isBefore = (a: ModelGrant, b: ModelGrant): boolean => {
      if (end(a) !== end(b)) return end(a) < end(b);
      const age = byTime(a.effectiveAt, b.effectiveAt);
      return age === 0 ? this.#grantId(a) < this.#grantId(b) : age < 0;
    };
    for (const grant of kept.toSorted((a, b) => (isBefore(a, b) ? -1 : 1))) {
      if (excess <= 0n) return;
      const gone = grant.left < excess ? grant.left : excess;
      grant.left -= gone;
      excess -= gone;
    }
  }

  /** As `derived_grant_id` makes it. */
  #grantId({ reference }: ModelGrant): string {
    const digest = createHash("sha256").update(`${this.#account}/${reference}`).digest("base64");
    return digest.replaceAll(/[+/=]/g, "").slice(0, 16);
  }
}

function goesOn({ nextAt, until }: ModelRow): boolean {
  return until === undefined || nextAt < until;
}

/** The number of the period in which the moment lies; 0 before the anchor. */
function periodAt(anchor: Date, every: Every, moment: Date): number {
  return Math.max(0, firstPeriodAfter(anchor, every, moment).period - 1);
}

function byTime(a: Date, b: Date): number {
  return a.getTime() - b.getTime();
}
