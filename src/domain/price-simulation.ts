import type { Credits } from "./credits.ts";
import type { PriceList } from "./price.ts";
import { type RecordedCharge, Repricer, type RepricingReason } from "./reprice-charge.ts";

/** Charges of one account that are alike in everything that a price looks at. */
export interface ChargeGroup extends RecordedCharge {
  readonly account: string;
  readonly charges: number;
  /** Totals of the group: what the pool did not cover, and what refunds gave back. */
  readonly uncollected: Credits;
  readonly refunded: Credits;
  /** Each of them was refunded whole: the credits went back, and would have under any price. */
  readonly isRefundedWhole: boolean;
}

/** What an account's use of one endpoint cost, and would have. */
export interface SimulationLine {
  readonly account: string;
  readonly creditType: string;
  readonly endpoint: string;
  /** 0 where the new list spends another credit type than the charges did. */
  readonly charges: number;
  readonly before: Credits;
  readonly least: Credits;
  readonly most: Credits;
}

/** Sums of one credit type. What was charged in the period is `before - uncollected + leftOutCredits`. */
export interface SimulationTotal {
  readonly creditType: string;
  readonly charges: number;
  readonly before: Credits;
  readonly least: Credits;
  readonly most: Credits;
  readonly uncollected: Credits;
  /** Parts of charges that are in `before`. */
  readonly refundedInPart: Credits;
  /** Charges that were refunded whole. They are in no other number. */
  readonly leftOut: number;
  readonly leftOutCredits: Credits;
}

/** How many charges of an endpoint are 0 or not exact under the new list, and why. */
export interface SimulationDoubt {
  readonly reason: RepricingReason;
  readonly endpoint: string;
  readonly charges: number;
}

export interface Simulation {
  /** The largest change first. */
  readonly lines: readonly SimulationLine[];
  readonly totals: readonly SimulationTotal[];
  readonly doubts: readonly SimulationDoubt[];
}

type Mutable<T> = { -readonly [Member in keyof T]: T[Member] };

/** Adds up what recorded charges would have cost under another price list. Holds one line per account, credit type and endpoint. */
export class PriceSimulation {
  readonly #after: PriceList;
  readonly #repricers = new Map<number, Repricer>();
  readonly #lines = new Map<string, Mutable<SimulationLine>>();
  readonly #totals = new Map<string, Mutable<SimulationTotal>>();
  readonly #doubts = new Map<string, Mutable<SimulationDoubt>>();

  constructor(after: PriceList) {
    this.#after = after;
  }

  get lineCount(): number {
    return this.#lines.size;
  }

  /** `before` is the list that priced the charges. */
  add(group: ChargeGroup, before: PriceList): void {
    const total = this.#total(group.creditType);
    const amount = group.amount * BigInt(group.charges);
    if (group.isRefundedWhole) {
      total.leftOut += group.charges;
      total.leftOutCredits += amount - group.uncollected;
      return;
    }
    total.charges += group.charges;
    total.before += amount;
    total.uncollected += group.uncollected;
    total.refundedInPart += group.refunded;
    const line = this.#line(group, group.creditType);
    line.charges += group.charges;
    line.before += amount;
    const { amounts, reason } = this.#repricer(before).reprice(group);
    for (const [creditType, { least, most }] of amounts) {
      if (most === 0n) continue;
      for (const sum of [this.#line(group, creditType), this.#total(creditType)]) {
        sum.least += least * BigInt(group.charges);
        sum.most += most * BigInt(group.charges);
      }
    }
    if (reason !== undefined) this.#doubt(reason, group.endpoint).charges += group.charges;
  }

  result(): Simulation {
    return {
      lines: [...this.#lines.values()].toSorted(compareChanges),
      totals: [...this.#totals.values()].toSorted((one, other) =>
        compareText(one.creditType, other.creditType),
      ),
      doubts: [...this.#doubts.values()].toSorted((one, other) => other.charges - one.charges),
    };
  }

  #repricer(before: PriceList): Repricer {
    let repricer = this.#repricers.get(before.version);
    if (repricer === undefined) {
      repricer = new Repricer(before, this.#after);
      this.#repricers.set(before.version, repricer);
    }
    return repricer;
  }

  #line({ account, endpoint }: ChargeGroup, creditType: string): Mutable<SimulationLine> {
    return getOrAdd(this.#lines, JSON.stringify([account, creditType, endpoint]), () => ({
      account,
      creditType,
      endpoint,
      charges: 0,
      before: 0n,
      least: 0n,
      most: 0n,
    }));
  }

  #total(creditType: string): Mutable<SimulationTotal> {
    return getOrAdd(this.#totals, creditType, () => ({
      creditType,
      charges: 0,
      before: 0n,
      least: 0n,
      most: 0n,
      uncollected: 0n,
      refundedInPart: 0n,
      leftOut: 0,
      leftOutCredits: 0n,
    }));
  }

  #doubt(reason: RepricingReason, endpoint: string): Mutable<SimulationDoubt> {
    return getOrAdd(this.#doubts, `${reason} ${endpoint}`, () => ({ reason, endpoint, charges: 0 }));
  }
}

function getOrAdd<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** The largest change first, whichever way it goes; then by name, so that the order is always the same. */
export function compareChanges(one: SimulationLine, other: SimulationLine): number {
  const [left, right] = [largestChange(one), largestChange(other)];
  if (left !== right) return left > right ? -1 : 1;
  return compareText(nameOf(one), nameOf(other));
}

function largestChange({ before, least, most }: SimulationLine): Credits {
  const [up, down] = [most - before, before - least];
  return up > down ? up : down;
}

function nameOf({ account, creditType, endpoint }: SimulationLine): string {
  return JSON.stringify([account, creditType, endpoint]);
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
