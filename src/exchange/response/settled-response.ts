import type { SettledFacts } from "../../contract/contract.ts";
import type { HeaderList } from "../headers/response-headers.ts";
import type { Exchange } from "../parts/exchange.ts";

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
