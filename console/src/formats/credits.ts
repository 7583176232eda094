import { type Credits, formatCredits, MICRO_PER_CREDIT } from "../../../src/domain/credits.ts";

export type { Credits };

/**
 * An amount of an answer, which is a plain decimal number of at most six decimals. Its text is exact; from there on it is an
 * integer of micro-credits, and nothing is added or compared as a floating-point number.
 */
export function toCredits(amount: number): Credits {
  const text = Math.abs(amount) < 1e-6 ? amount.toFixed(6) : String(amount);
  const match = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(text.includes("e") ? amount.toFixed(6) : text);
  if (match === null) throw new RangeError(`${text} is no amount of credits`);
  const [, sign = "", whole = "0", fraction = ""] = match;
  const micro = BigInt(whole) * MICRO_PER_CREDIT + BigInt(fraction.padEnd(6, "0"));
  return sign === "" ? micro : -micro;
}

/** `12345.5` as the reader writes it: `12,345.5`. Exact: the decimals are formatted from their text. */
export function showCredits(amount: Credits): string {
  return FORMAT.format(decimalOf(amount));
}

/** With its sign, also when it is positive: a line of a statement. */
export function showChange(amount: Credits): string {
  return SIGNED.format(decimalOf(amount));
}

/** An average, which is no amount of anything: `about 20.18`. */
export function showAbout(amount: Credits): string {
  const text = ROUNDED.format(decimalOf(amount));
  return text === showCredits(amount) ? text : `about ${text}`;
}

/** For an axis, where exactness would not fit: `1.2K`. */
export function showShort(amount: Credits): string {
  return SHORT.format(decimalOf(amount));
}

export function showCount(count: number): string {
  return FORMAT.format(count);
}

/** `1 call`, `1,200 calls`. */
export function showMany(count: number, one: string, many = `${one}s`): string {
  return `${showCount(count)} ${count === 1 ? one : many}`;
}

/** As text: `Intl.NumberFormat` formats it digit by digit, so nothing is rounded on the way. */
function decimalOf(amount: Credits): `${number}` {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return formatCredits(amount) as `${number}`;
}

const FORMAT = new Intl.NumberFormat(undefined, { maximumFractionDigits: 6 });
const ROUNDED = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const SIGNED = new Intl.NumberFormat(undefined, { maximumFractionDigits: 6, signDisplay: "exceptZero" });
const SHORT = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3, notation: "compact" });

/** A name of credits as one reads it: `1 credit`, `40 search credits`. */
export function creditWords(creditType: string, amount?: Credits): string {
  const word = amount === MICRO_PER_CREDIT ? "credit" : "credits";
  return creditType === "credits" ? word : `${creditType} ${word}`;
}

export const sumCredits = (amounts: Iterable<Credits>): Credits => {
  let sum = 0n;
  for (const amount of amounts) sum += amount;
  return sum;
};

/** The part that one amount is of another, for lengths of bars: no amount is made of it. */
export function shareOf(part: Credits, whole: Credits): number {
  return whole === 0n ? 0 : Number((part * 10_000n) / whole) / 10_000;
}
