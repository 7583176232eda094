import { type Credits, MAX_CREDITS, MICRO_PER_CREDIT } from "../credits.ts";
import type { Price, PricePart, Rounding } from "./price.ts";

/** Digits behind the point of a number of results that an API reports: as many as an amount has. */
const UNIT_DECIMALS = 6;
const MICRO = 10n ** BigInt(UNIT_DECIMALS);

/** How a part rounds: blocks of several results are whole unless it says otherwise. */
export function roundingOf({ round, unit }: Pick<PricePart, "round" | "unit">): Rounding {
  return round ?? (unit === undefined || unit.size === 1 ? "exact" : "block");
}

/**
 * What so many results cost: every begun block its whole cost, or in proportion, rounded up to a whole credit or to a micro-credit.
 * What is `included` costs nothing. `units` is not negative; of more than six decimals the rest counts as one more. Undefined: more than a pool can hold.
 */
export function computePartAmount(part: PricePart, units: number): Credits | undefined {
  const beyond = toMicroUnits(units) - toMicroUnits(part.included ?? 0);
  const exact = beyond > 0n ? beyond : 0n;
  const block = unitsPerBlock(part);
  const rounding = roundingOf(part);
  let amount: Credits;
  if (rounding === "block") amount = part.cost * divideUp(exact, block);
  else amount = divideUp(part.cost * exact, block);
  if (rounding === "credit") amount = divideUp(amount, MICRO_PER_CREDIT) * MICRO_PER_CREDIT;
  return amount <= MAX_CREDITS ? amount : undefined;
}

/** The sum within the price's `least` and `most`. */
export function limitAmount({ least, most }: Pick<Price, "least" | "most">, sum: Credits): Credits {
  const raised = least !== undefined && sum < least ? least : sum;
  return most !== undefined && raised > most ? most : raised;
}

/** What the cost is for, in micro-units. */
export function unitsPerBlock({ unit }: Pick<PricePart, "unit">): bigint {
  return BigInt(unit?.size ?? 1) * MICRO;
}

/** A number of results in millionths, in which it is exact; of more than six decimals the rest counts as one more. */
export function toMicroUnits(units: number): bigint {
  if (Number.isInteger(units)) return BigInt(units) * MICRO;
  const whole = Math.floor(units);
  // The shortest decimals that are this number are what was written.
  const [, decimals = ""] = /\.(\d+)$/.exec(plainText(units)) ?? [];
  const kept = BigInt(decimals.slice(0, UNIT_DECIMALS).padEnd(UNIT_DECIMALS, "0"));
  const rest = /[1-9]/.test(decimals.slice(UNIT_DECIMALS)) ? 1n : 0n;
  return BigInt(whole) * MICRO + kept + rest;
}

/** `1e-7` is a number too: without an exponent. */
function plainText(value: number): string {
  const text = String(value);
  return text.includes("e") ? value.toFixed(20) : text;
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
