import { showCredits, toCredits } from "../../formats/credits.ts";

/** `12.5 credits, 3 search`; what there is nothing of is left out. */
export function sumsWords(sums: Readonly<Record<string, number>>): string {
  const words = Object.entries(sums).map(([type, amount]) => `${showCredits(toCredits(amount))} ${type}`);
  return words.length === 0 ? "nothing" : words.join(", ");
}
