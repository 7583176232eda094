import type { ContractEndpoint } from "../contract/contract.ts";
import type { Refusal } from "../domain/refusal.ts";
import { toBalanceFacts } from "./balance-facts.ts";
import type { Exchange } from "./exchange.ts";
import { limitRate } from "./identify.ts";
import { answer } from "./respond.ts";

/** Answers one of the contract's own endpoints from the account's books: free, rate limited, without the upstream. */
export async function answerEndpoint(
  exchange: Exchange,
  endpoint: ContractEndpoint,
  path: string,
): Promise<Refusal | undefined> {
  const { identity, parts } = exchange;
  if (identity === undefined) throw new TypeError("balances are an account's");
  exchange.endpoint = `${exchange.method} ${path}`;
  const refusal = limitRate(exchange, path, "contract");
  if (refusal !== undefined) return refusal;
  const pools = await parts.meter.balances(identity);
  answer(exchange, endpoint.render(pools.map(toBalanceFacts), exchange.context));
  return undefined;
}
