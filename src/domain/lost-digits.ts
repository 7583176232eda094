/** Digits that every number of a double holds; of more some get lost. */
const KEPT_DIGITS = 15;

/** Whether a number as it was written, in decimals, is another one once it is read. */
export function losesDigits(source: string): boolean {
  const [, digits] = /^[-+]?([\d.]+)(?:e[-+]?\d+)?$/i.exec(source) ?? [];
  const value = Number(source);
  if (digits === undefined || !Number.isFinite(value)) return false;
  return significantDigits(digits) !== significantDigits(mantissaOf(value));
}

/** The same of a number whose text is gone: whether it has so many digits that there may have been more. */
export function mayHaveLostDigits(value: number): boolean {
  if (Number.isSafeInteger(value) || !Number.isFinite(value)) return false;
  return significantDigits(mantissaOf(value)).length > KEPT_DIGITS;
}

/** With as many digits as tell it from all other numbers. */
function mantissaOf(value: number): string {
  return Math.abs(value).toExponential().split("e", 1)[0] ?? "";
}

function significantDigits(text: string): string {
  return text.replace(".", "").replace(/^0+/, "").replace(/0+$/, "");
}

const TEXT_WORDS: ReadonlySet<unknown> = new Set(["equals", "oneOf", "noneOf", "contains", "default"]);

/** Whether what it says may be a text. */
export function isTextWord(word: unknown): boolean {
  return TEXT_WORDS.has(word);
}

/** What to write in the place of a number that loses digits, by the members and positions at which it stands. */
export function fixLostDigits(path: readonly (string | number)[]): string {
  return isTextWord(path.findLast((step) => typeof step === "string"))
    ? "write it in quotes: in a JSON body too only a text has so many digits"
    : `write it with at most ${KEPT_DIGITS} digits`;
}
