import type { Credits } from "../credits.ts";
import { listFor, plansOf } from "./own/own-prices.ts";
import type { AccountPricing, PriceList } from "./price.ts";
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

/** What a simulation does not know, and takes for granted: it is told with every result. */
export const SIMULATION_ASSUMPTIONS: readonly string[] = [
  "The same calls would have been made, admitted and answered alike: what customers do because of a price is not known.",
  "Every charge would have been collected in full: balances, caps and refusals are not simulated, and before counts what pools did not cover.",
  "Calls that were free or refused left no entry and are in no number; unrecorded names the endpoints where the new prices would charge such calls.",
  "Charges that were refunded whole are left out on both sides; parts that were refunded are not subtracted.",
];

/** Sums of a simulation, or of several parts of one. Holds one line per account, credit type and endpoint. */
export class SimulationSums {
  readonly #lines = new Map<string, Mutable<SimulationLine>>();
  readonly #totals = new Map<string, Mutable<SimulationTotal>>();
  readonly #doubts = new Map<string, Mutable<SimulationDoubt>>();

  get lineCount(): number {
    return this.#lines.size;
  }

  addLine(part: SimulationLine): void {
    const { account, creditType, endpoint } = part;
    const sum = getOrAdd(this.#lines, JSON.stringify([account, creditType, endpoint]), () => ({
      account,
      creditType,
      endpoint,
      charges: 0,
      before: 0n,
      least: 0n,
      most: 0n,
    }));
    sum.charges += part.charges;
    sum.before += part.before;
    sum.least += part.least;
    sum.most += part.most;
  }

  addTotal(part: Partial<SimulationTotal> & Pick<SimulationTotal, "creditType">): void {
    const { creditType } = part;
    const sum = getOrAdd(this.#totals, creditType, () => ({ ...NO_TOTAL, creditType }));
    sum.charges += part.charges ?? 0;
    sum.before += part.before ?? 0n;
    sum.least += part.least ?? 0n;
    sum.most += part.most ?? 0n;
    sum.uncollected += part.uncollected ?? 0n;
    sum.refundedInPart += part.refundedInPart ?? 0n;
    sum.leftOut += part.leftOut ?? 0;
    sum.leftOutCredits += part.leftOutCredits ?? 0n;
  }

  addDoubt({ reason, endpoint, charges }: SimulationDoubt): void {
    const sum = getOrAdd(this.#doubts, `${reason} ${endpoint}`, () => ({ reason, endpoint, charges: 0 }));
    sum.charges += charges;
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
}

const NO_TOTAL = {
  charges: 0,
  before: 0n,
  least: 0n,
  most: 0n,
  uncollected: 0n,
  refundedInPart: 0n,
  leftOut: 0,
  leftOutCredits: 0n,
};

/** Adds up what recorded charges would have cost under another price list. */
export class PriceSimulation {
  readonly #after: PriceList;
  readonly #plans: ReadonlySet<string>;
  /** By the list before, the plan of the account where the list after names it, and the account's own list. */
  readonly #repricers = new Map<string, Repricer>();
  readonly #sums = new SimulationSums();

  constructor(after: PriceList) {
    this.#after = after;
    this.#plans = plansOf(after.prices);
  }

  get lineCount(): number {
    return this.#sums.lineCount;
  }

  /** `before` is the list that priced the charges; `pricing` is what decides which prices of the list after the account would have. */
  add(group: ChargeGroup, before: PriceList, pricing: AccountPricing = {}): void {
    const { account, endpoint, creditType, charges } = group;
    const amount = group.amount * BigInt(charges);
    if (group.isRefundedWhole) {
      const leftOutCredits = amount - group.uncollected;
      this.#sums.addTotal({ creditType, leftOut: charges, leftOutCredits });
      return;
    }
    const line = { account, endpoint, charges: 0, before: 0n, least: 0n, most: 0n };
    const { amounts, reason } = this.#repricer(before, pricing).reprice(group);
    this.#sums.addLine({ ...line, creditType, charges, before: amount });
    this.#sums.addTotal({
      creditType,
      charges,
      before: amount,
      uncollected: group.uncollected,
      refundedInPart: group.refunded,
    });
    for (const [spent, bounds] of amounts) {
      if (bounds.most === 0n) continue;
      const after = { least: bounds.least * BigInt(charges), most: bounds.most * BigInt(charges) };
      this.#sums.addLine({ ...line, ...after, creditType: spent });
      this.#sums.addTotal({ ...after, creditType: spent });
    }
    if (reason !== undefined) this.#sums.addDoubt({ reason, endpoint, charges });
  }

  result(): Simulation {
    return this.#sums.result();
  }

  #repricer(before: PriceList, { plan, own }: AccountPricing): Repricer {
    const isNamed = plan !== undefined && (own !== undefined || this.#plans.has(plan));
    const pricing = { plan: isNamed ? plan : undefined, own };
    const name = JSON.stringify([before.version, pricing.plan ?? null, own?.version ?? null]);
    return getOrAdd(this.#repricers, name, () => new Repricer(before, listFor(this.#after, pricing)));
  }
}

function getOrAdd<Key, T>(map: Map<Key, T>, key: Key, make: () => T): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** The largest change first, whichever way it goes; then by name, so that the order is always the same. */
function compareChanges(one: SimulationLine, other: SimulationLine): number {
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
