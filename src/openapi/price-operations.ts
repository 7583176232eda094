import type { Price, PriceList } from "../domain/prices/price.ts";
import { priceToShortForm } from "../domain/prices/price-list-json.ts";
import { buildPriceTable } from "../domain/prices/price-table.ts";
import { describeMoment, describePrices } from "../domain/prices/price-text.ts";
import { placeNotice } from "./credits-notice.ts";
import type { Operation } from "./operations.ts";

/** The prices that a document shows. */
export interface ShownPrices {
  readonly inForce: PriceList;
  /** The soonest first. */
  readonly announced: readonly { readonly effectiveAt: Date; readonly list: PriceList }[];
}

/** What an operation's members become; undefined: it has no such member. */
export interface PricedOperation {
  readonly operation: Operation;
  readonly members: {
    readonly "x-credits": unknown;
    readonly "x-credits-announced": unknown;
    readonly description: string | undefined;
  };
  readonly endpoints: readonly string[];
}

/** Writes each operation's price as data and as a notice. HEAD has one only where a price names it: otherwise it has its GET's. */
export function priceOperations(
  operations: readonly Operation[],
  shown: ShownPrices,
): readonly PricedOperation[] {
  const now = buildPriceTable(shown.inForce);
  const later = shown.announced.map(({ effectiveAt, list }) => ({
    effectiveAt,
    table: buildPriceTable(list),
  }));
  return operations.map((operation) => {
    const find = (table: typeof now) => {
      const found = table.find(operation.method, operation.path);
      const isOfGet = operation.method === "HEAD" && found?.endpoint.startsWith("HEAD ") !== true;
      const match = isOfGet ? undefined : found;
      const prices = match?.candidates ?? [];
      const unpriced = table.list.unpriced === "refuse" ? "not available" : "free";
      const text = prices.length === 0 ? unpriced : describePrices(prices, unpriced);
      return { endpoint: match?.endpoint, prices, text };
    };
    const current = find(now);
    let previous = current.text;
    const found = later.map(({ effectiveAt, table }) => Object.assign(find(table), { effectiveAt }));
    const changes = found.filter(({ text }) => {
      const isChange = text !== previous;
      previous = text;
      return isChange;
    });
    const isShown = current.prices.length > 0 || changes.length > 0 || operation.method !== "HEAD";
    const { description } = operation.value;
    return {
      operation,
      members: {
        "x-credits": renderPrices(current.prices),
        "x-credits-announced": renderAnnounced(changes),
        description: placeNotice(
          typeof description === "string" ? description : undefined,
          isShown ? renderNotice(current.text, changes) : undefined,
        ),
      },
      endpoints: [current, ...found].flatMap(({ endpoint }) => endpoint ?? []),
    };
  });
}

interface Change {
  readonly effectiveAt: Date;
  readonly prices: readonly Price[];
  readonly text: string;
}

/** The form that configuration reads: one price, or a list of them; nothing where there is no price. */
function renderPrices(prices: readonly Price[]): unknown {
  const written = prices.map(priceToShortForm);
  return written.length > 1 ? written : written[0];
}

function renderAnnounced(changes: readonly Change[]): unknown {
  if (changes.length === 0) return undefined;
  return changes.map(({ effectiveAt, prices }) => ({
    effectiveAt: effectiveAt.toISOString(),
    credits: renderPrices(prices) ?? null,
  }));
}

function renderNotice(text: string, changes: readonly Change[]): string {
  const isList = text.startsWith("-") || changes.some((change) => change.text.startsWith("-"));
  const lines = [
    sentence("**Credits:**", text),
    ...changes.map((change) => sentence(`From ${describeMoment(change.effectiveAt)}:`, change.text)),
  ];
  return lines.join(isList ? "\n\n" : " ");
}

function sentence(head: string, text: string): string {
  return text.startsWith("-") ? `${head}\n\n${text}` : `${head} ${text}.`;
}
