import { it as test } from "node:test";

/** Rows of the decisions table that a front cannot have, each with the reason. */
export type Omitted = Readonly<Record<string, string>>;

let omitted: Omitted = {};
let seen = new Set<string>();

/** One row of the decisions table. */
export function it(name: string, run: () => void | Promise<void>): void {
  if (Object.hasOwn(omitted, name)) seen.add(name);
  else test(name, run);
}

/** Describes the table without some rows; gives those of them that it does not have, which is a fault of the list. */
export function withoutRows(rows: Omitted, describeAll: () => void): readonly string[] {
  omitted = rows;
  seen = new Set();
  describeAll();
  const unknown = Object.keys(rows).filter((name) => !seen.has(name));
  omitted = {};
  return unknown;
}
