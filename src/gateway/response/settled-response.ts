import type { SettledFacts } from "../../contract/contract.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { HeaderList } from "../headers/response-headers.ts";

/** Adds the headers of a charged response: cost and balance, and that no cache may hand it to others. */
export function addSettledHeaders(
  headers: HeaderList,
  exchange: Exchange,
  facts: SettledFacts,
  hasCacheControl: boolean,
): void {
  for (const [name, value] of exchange.parts.contract.renderSettled(facts)) headers.push(name, value);
  if (!hasCacheControl) headers.push("Cache-Control", "private, no-store");
}

/** The member name of the usage object, when this request asked for it. */
export function usageMember(exchange: Exchange): string | undefined {
  const { contract } = exchange.parts;
  const { header } = exchange;
  return contract.wantsUsage(header) ? contract.renderUsage(header, NOTHING)?.member : undefined;
}

/** Tells the operator that a customer who asked for the usage object did not get it. */
export function reportUnspliced(exchange: Exchange, reason: string): void {
  const { parts, requestId, endpoint } = exchange;
  parts.events.usageNotSpliced({ requestId, endpoint: endpoint ?? "", reason });
}

const NOTHING: SettledFacts = { creditType: "", charged: 0n, balance: 0n, units: 0 };
