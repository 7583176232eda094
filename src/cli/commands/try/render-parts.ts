import type { ExplainedCondition } from "../../../domain/prices/explain/explain-price.ts";

/** A title, and lines that belong to it. */
export function section(title: string, lines: readonly string[]): string {
  return `${title}\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/** One condition in a line. */
export function renderCondition({ condition, found, holds }: ExplainedCondition): string {
  const verdict = holds === undefined ? "is not known" : holds ? "holds" : "does not hold";
  return `${condition}: ${verdict}, there is ${found}`;
}
