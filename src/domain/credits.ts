/**
 * An amount of credits, as an integer of micro-credits: 1 credit is 1_000_000n.
 * A bigint, so that no floating-point arithmetic can be applied to it by accident.
 */
export type Credits = bigint;

export const MICRO_PER_CREDIT = 1_000_000n;

/**
 * The largest amount of one grant, price or pool: a billion credits. At this bound an amount with six decimals
 * has fifteen significant digits, the most that survive a JSON number unharmed.
 */
export const MAX_CREDITS: Credits = 1_000_000_000n * MICRO_PER_CREDIT;

const PLAIN_DECIMAL = /^(\d{1,10})(?:\.(\d{1,6}))?$/;

/**
 * Reads a non-negative decimal amount (`"9406.5"`, `9406.5`, `0.03`).
 * Returns `undefined` when it is negative, not finite, has more than six decimals or is above {@link MAX_CREDITS}.
 */
export function parseCredits(input: unknown): Credits | undefined {
  const text = typeof input === "number" ? plainDecimal(input) : input;
  if (typeof text !== "string") return undefined;
  const match = PLAIN_DECIMAL.exec(text);
  if (match === null) return undefined;
  const micro = BigInt(match[1] ?? "0") * MICRO_PER_CREDIT + BigInt((match[2] ?? "").padEnd(6, "0"));
  return micro <= MAX_CREDITS ? micro : undefined;
}

/** The amount as a plain decimal without trailing zeros: `"9406.5"`. */
export function formatCredits(amount: Credits): string {
  const number = Number(amount);
  // Exact as a number, like nearly every amount: whole credits need no bigint to print.
  if (Number.isSafeInteger(number) && number % 1_000_000 === 0) return String(number / 1_000_000);
  const sign = amount < 0n ? "-" : "";
  const absolute = amount < 0n ? -amount : amount;
  const whole = absolute / MICRO_PER_CREDIT;
  const fraction = (absolute % MICRO_PER_CREDIT).toString().padStart(6, "0").replace(/0+$/, "");
  return fraction === "" ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}

/** The amount as the JSON number that prints as {@link formatCredits} does. Exact up to {@link MAX_CREDITS}. */
export function creditsToJson(amount: Credits): number {
  return Number(formatCredits(amount));
}

/** `0.000001` prints as `1e-6`, so small numbers go through `toFixed`; a number it would round is refused. */
function plainDecimal(value: number): string | undefined {
  const text = String(value);
  if (!text.includes("e-")) return text;
  const fixed = value.toFixed(6);
  return Number(fixed) === value ? fixed : undefined;
}
