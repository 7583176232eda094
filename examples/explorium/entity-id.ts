import { computeSeeded } from "../data/seeded.ts";

/** Sets the ids of businesses and prospects apart. */
export type EntityKind = "business" | "prospect";

const SALTS: Readonly<Record<EntityKind, number>> = { business: 40, prospect: 50 };

/**
 * 32 hexadecimal digits, as the vendor's ids have: 24 that only look random, then the record's number. So an id is read
 * back without an index of all ids.
 */
export function renderId(kind: EntityKind, id: number): string {
  const salt = SALTS[kind];
  return [0, 1, 2]
    .map((part) => computeSeeded(id, salt + part))
    .concat(id)
    .map((number) => number.toString(16).padStart(8, "0"))
    .join("");
}

/** The record's number, or undefined when the text is no id of this kind. */
export function parseId(kind: EntityKind, text: unknown): number | undefined {
  if (typeof text !== "string" || !/^[0-9a-f]{32}$/.test(text)) return undefined;
  const id = Number.parseInt(text.slice(24), 16);
  return renderId(kind, id) === text ? id : undefined;
}
