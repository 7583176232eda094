import { type Credits, MAX_CREDITS, MICRO_PER_CREDIT } from "../credits.ts";
import { limitAmount, roundingOf, toMicroUnits, unitsPerBlock } from "./part-amount.ts";
import type { Price, Tiers } from "./price.ts";

/**
 * What a charge costs that depends on what the account was charged for before: by tiers, or by how much a number has grown. The amount
 * is decided where the charge is made, in its own transaction; see {@link computeMeasuredAmount}.
 */
export interface Measured {
  /** What was counted, in micro-units. */
  readonly units: bigint;
  /** One block, in micro-units: the cost is for so much. */
  readonly block: bigint;
  /** Begun blocks are whole ones; the sum goes up to a whole credit; neither. */
  readonly round: "block" | "credit" | "exact";
  /** The cost of a block from so many micro-units on, the first from 0. */
  readonly costs: readonly (readonly [over: bigint, cost: Credits])[];
  /** All of it costs what the tier says in which it begins. */
  readonly whole: boolean;
  /** What has been used under this name in the present period of UTC decides the tier. Undefined: there are no tiers. */
  readonly counter: { readonly name: string; readonly within: Tiers["within"] } | undefined;
  /** Only what it is more than was charged for this value within so many seconds. Undefined: all of it. */
  readonly increase: { readonly value: string; readonly withinSeconds: number } | undefined;
  /** Further sums. */
  readonly rest: Credits;
  readonly least: Credits | undefined;
  readonly most: Credits | undefined;
}

/** The costs of a price's own sum, as {@link Measured} has them. */
function costsOf({ cost, tiers }: Pick<Price, "cost" | "tiers">): Measured["costs"] {
  return [
    [0n, cost] as const,
    ...(tiers?.steps ?? []).map((step) => [toMicroUnits(step.over), step.cost] as const),
  ];
}

/** What the counter of a price's tiers is called: charges of one account and credit type count together under one name. */
export function counterOf({ endpoint }: Pick<Price, "endpoint">, { counter }: Tiers): string {
  return counter === undefined ? endpoint : `counter ${counter}`;
}

/** The price with the most that its tiers may ask for; the price itself without tiers. */
export function atDearest<Of extends Pick<Price, "cost" | "tiers">>(price: Of): Of {
  return price.tiers === undefined ? price : { ...price, cost: dearestCost(price) };
}

/** The price with the least that its tiers may ask for. */
export function atCheapest(price: Price): Price {
  if (price.tiers === undefined) return price;
  const costs = costsOf(price).map(([, cost]) => cost);
  return { ...price, cost: costs.reduce((one, other) => (one < other ? one : other)) };
}

function dearestCost(price: Pick<Price, "cost" | "tiers">): Credits {
  return costsOf(price)
    .map(([, cost]) => cost)
    .reduce((one, other) => (one > other ? one : other));
}

/** What a price asks for so much, to be decided where it is charged. Undefined: neither tiers nor a growing number decide. */
export function measure(
  price: Price,
  counted: number,
  value: string | undefined,
  rest: Credits,
): Measured | undefined {
  const { tiers, count, least, most } = price;
  const growing = count === undefined || !("increase" in count) ? undefined : count.increase;
  if (tiers === undefined && (growing === undefined || value === undefined)) return undefined;
  return {
    units: toMicroUnits(counted),
    block: unitsPerBlock(price),
    round: roundingOf(price),
    costs: costsOf(price),
    whole: tiers?.whole ?? false,
    counter: tiers && { name: counterOf(price, tiers), within: tiers.within },
    increase:
      growing === undefined || value === undefined
        ? undefined
        : { value, withinSeconds: growing.withinSeconds },
    rest,
    least,
    most,
  };
}

/**
 * The amount of a charge when `used` micro-units were used in the period before it, and `charged` of its growing number were paid for.
 * The ledger computes the same in the charge's transaction (`farebox.measure_charge`), which a test compares with this.
 */
export function computeMeasuredAmount(
  measured: Measured,
  used: bigint,
  charged: bigint,
): { readonly amount: Credits; readonly quantity: bigint; readonly units: bigint } {
  const { block, round, costs, whole, rest, least, most } = measured;
  const grown = measured.units - charged;
  const units = measured.increase === undefined ? measured.units : grown > 0n ? grown : 0n;
  const quantity = round === "block" ? divideUp(units, block) * block : units;
  const sum = divideByTiers({ costs, whole }, used, quantity).reduce(
    (all, { cost, quantity: part }) => all + part * cost,
    0n,
  );
  let amount = divideUp(sum, block);
  if (round === "credit") amount = divideUp(amount, MICRO_PER_CREDIT) * MICRO_PER_CREDIT;
  const limited = limitAmount({ least, most }, amount + rest);
  return { amount: limited < MAX_CREDITS ? limited : MAX_CREDITS, quantity, units };
}

/** So much, in micro-units, by the tiers that it falls into when so much was used before. */
export function divideByTiers(
  { costs, whole }: Pick<Measured, "costs" | "whole">,
  used: bigint,
  quantity: bigint,
): readonly { readonly over: bigint; readonly cost: Credits; readonly quantity: bigint }[] {
  if (whole) {
    const [over, cost] = costs.findLast(([beyond]) => beyond <= used) ?? [0n, 0n];
    return [{ over, cost, quantity }];
  }
  return costs.flatMap(([over, cost], index) => {
    const end = costs[index + 1]?.[0];
    const from = used > over ? used : over;
    const until = end !== undefined && end < used + quantity ? end : used + quantity;
    return until > from ? [{ over, cost, quantity: until - from }] : [];
  });
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
