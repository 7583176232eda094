import type { SettledFacts } from "../contract/contract.ts";
import type { Settlement } from "../meter/meter.ts";
import type { Exchange } from "./exchange.ts";
import type { HeaderList } from "./response-headers.ts";

/** The headers of a charged response: cost and balance, and that no cache may hand it to others. */
export function settledHeaders(
  exchange: Exchange,
  facts: SettledFacts,
  hasCacheControl: boolean,
): HeaderList {
  const headers = exchange.parts.contract.renderSettled(facts).flat();
  if (!hasCacheControl) headers.push("Cache-Control", "private, no-store");
  return headers;
}

/** What a contract may tell of a settlement. */
export function settledFacts(settlement: Settlement): SettledFacts {
  const { creditType, charged, balance, units } = settlement;
  return { creditType, charged, balance, units };
}

/** The member name of the usage object, when this request asked for it. */
export function usageMember(exchange: Exchange): string | undefined {
  const { contract } = exchange.parts;
  if (!contract.wantsUsage(exchange.header)) return undefined;
  return contract.renderUsage(exchange.header, NOTHING)?.member;
}

const NOTHING: SettledFacts = { creditType: "", charged: 0n, balance: 0n, units: 0 };
