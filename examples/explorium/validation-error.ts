/** A request that cannot be answered: a 422 with the place and what is wrong with it. */
export class ValidationError extends Error {
  override readonly name = "ValidationError";
  readonly place: readonly (string | number)[];

  constructor(place: readonly (string | number)[], message: string) {
    super(message);
    this.place = place;
  }
}

export function readObject(value: unknown, place: readonly (string | number)[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ValidationError(place, "value is not a valid dict");
  }
  return value as Record<string, unknown>;
}

/** A list of 1 to `most` values. */
export function readList(
  value: unknown,
  place: readonly (string | number)[],
  most: number,
): readonly unknown[] {
  if (!Array.isArray(value)) throw new ValidationError(place, "value is not a valid list");
  if (value.length < 1 || value.length > most) {
    throw new ValidationError(place, `ensure this value has between 1 and ${most} items`);
  }
  return value;
}

/** A whole number from `least` to `most`; `fallback` when it is missing. */
export function readNumber(
  value: unknown,
  place: readonly (string | number)[],
  [least, most]: readonly [number, number],
  fallback: number,
): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new ValidationError(place, `ensure this value is a whole number from ${least} to ${most}`);
}
