import type { z } from "zod";
import type { priceDifference } from "../../../api/wire/price-list.ts";

type Difference = z.infer<typeof priceDifference>;

/**
 * A difference for people: one line for each price that comes (`+`) or goes (`-`), and for each that changes (`~`) one line
 * per member.
 */
export function renderPriceDifference(difference: Difference): string {
  const { added, removed, changed, reordered, unpriced } = difference;
  const lines = [
    ...added.map((price) => `+ ${nameOf(price)}  ${summarise(price.price)}`),
    ...removed.map((price) => `- ${nameOf(price)}  ${summarise(price.price)}`),
    ...changed.map((price) => `~ ${nameOf(price)}${price.members.map(renderMember).join("")}`),
    ...reordered.map((endpoint) => `~ ${endpoint}\n    its conditions are tried in another order`),
  ];
  if (unpriced !== null) {
    lines.push(`~ endpoints without a price\n    unpriced: ${unpriced.from} → ${unpriced.to}`);
  }
  return lines.length === 0 ? "No price changes.\n" : `${lines.join("\n")}\n`;
}

function renderMember({ member, from, to }: Difference["changed"][number]["members"][number]): string {
  return `\n    ${member}: ${show(from)} → ${show(to)}`;
}

function nameOf(price: Pick<Difference["added"][number], "endpoint" | "plans" | "when">): string {
  const plans = price.plans.length === 0 ? "" : ` on ${price.plans.join(", ")}`;
  const when = price.when.length === 0 ? "" : ` when ${price.when.map(show).join(", ")}`;
  return `${price.endpoint}${plans}${when}`;
}

function summarise({
  match: _match,
  plan: _plan,
  when: _when,
  ...rest
}: Readonly<Record<string, unknown>>): string {
  return Object.entries(rest)
    .map(([member, value]) => `${member}: ${show(value)}`)
    .join(", ");
}

function show(value: unknown): string {
  if (value === null || value === undefined) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}
