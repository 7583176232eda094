import type { SettledFacts } from "../../contract/contract.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { Identity } from "../../meter/meter.ts";
import { poolOf } from "../parts/account-states.ts";
import type { Exchange } from "../parts/exchange.ts";

/** The facts of a settlement, with the state of its account where the contract shows it. Never rejects. */
export function completeFacts(exchange: Exchange, facts: SettledFacts): SettledFacts | Promise<SettledFacts> {
  const { identity, parts } = exchange;
  if (identity === undefined) return facts;
  if (parts.showsState) return parts.states.after(identity, facts);
  if (parts.contract.tellsAnswered) parts.states.note(identity, facts);
  return facts;
}

/** Refusals of which nobody knows more than that the database does not answer. */
const SILENT: ReadonlySet<Refusal["code"]> = new Set(["storage_unavailable", "overloaded", "internal_error"]);
/** Those that found out that the balance is too low: it was read just now, and a top-up may have come since the last look. */
const SHORT: ReadonlySet<Refusal["code"]> = new Set([
  "insufficient_credits",
  "key_cap_reached",
  "quote_above_max",
]);

/**
 * Reads what an answer that is not charged says of its account, for contracts that say it on every answer of a priced endpoint.
 * Undefined: nothing is to be said, or the key is not known. Never rejects.
 */
export function tellAnswered(exchange: Exchange, refusal?: Refusal): Promise<void> | undefined {
  const { parts, identity } = exchange;
  if (!parts.contract.tellsAnswered || identity === undefined) return undefined;
  if (refusal !== undefined && SILENT.has(refusal.code)) return undefined;
  const creditType = creditTypeOf(exchange);
  if (creditType === undefined) return undefined;
  const fresh = refusal === undefined || SHORT.has(refusal.code);
  return tell(exchange, identity, creditType, fresh);
}

async function tell(
  exchange: Exchange,
  identity: Identity,
  creditType: string,
  fresh: boolean,
): Promise<void> {
  const { contract, states } = exchange.parts;
  const state = await states.of(identity, fresh);
  if (state === undefined) return;
  const balance = poolOf(state, creditType)?.balance ?? 0n;
  exchange.answeredHeaders = contract.renderAnswered({ creditType, charged: 0n, balance, units: 0, state });
}

/** What the endpoint's prices spend; undefined where the price list does not have it. */
function creditTypeOf({
  parts,
  route,
  target,
  method,
  admission,
  spends,
  identity,
}: Exchange): string | undefined {
  if (spends !== undefined) return spends;
  if (admission?.price !== undefined) return admission.price.creditType;
  const candidates =
    route?.candidates ??
    (target === undefined
      ? undefined
      : parts.meter.priceTable(identity)?.find(method, target.path)?.candidates) ??
    [];
  return (candidates.find(({ free }) => !free) ?? candidates[0])?.creditType;
}
