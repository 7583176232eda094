import type { RateLimitState, Refusal } from "../../domain/refusal.ts";
import type { Identity, OwnEndpoint } from "../../meter/meter.ts";
import type { Exchange } from "../parts/exchange.ts";
import { MORE_THAN_ONE_KEY } from "./inspect-request.ts";

/** Reads the key, asks whose it is, and whether it may call this endpoint. `isForEveryKey`: it may, whatever its scopes. */
export function authenticate(
  exchange: Exchange,
  path: string,
  isForEveryKey = false,
): Promise<Refusal | undefined> | Refusal | undefined {
  const { key, ambiguous } = exchange.readKey();
  if (ambiguous) return { code: "request_invalid", reason: MORE_THAN_ONE_KEY };
  const found = exchange.parts.meter.authenticate(key);
  if (found instanceof Promise) return found.then((late) => permit(exchange, late, path, isForEveryKey));
  return permit(exchange, found, path, isForEveryKey);
}

function permit(
  exchange: Exchange,
  identity: Identity | Refusal,
  path: string,
  isForEveryKey: boolean,
): Refusal | undefined {
  if (isRefusal(identity)) return identity;
  exchange.identity = identity;
  const refusal = exchange.parts.meter.permitAddress(identity, exchange.clientAddress);
  if (refusal !== undefined) return refusal;
  return isForEveryKey ? undefined : exchange.parts.meter.permit(identity, exchange.method, path);
}

/** Counts the request against the account's limits and keeps the headers that tell their state. */
export function limitRate(
  exchange: Exchange,
  path: string,
  own?: OwnEndpoint,
): Promise<Refusal | undefined> | Refusal | undefined {
  const { identity, parts, method } = exchange;
  if (identity === undefined) return undefined;
  const state = parts.meter.limit(identity, method, path, own);
  if (state instanceof Promise) return state.then((late) => keepRate(exchange, late));
  return keepRate(exchange, state);
}

function keepRate(exchange: Exchange, state: RateLimitState | Refusal | undefined): Refusal | undefined {
  if (state === undefined) return undefined;
  if ("code" in state) return state;
  exchange.rateHeaders = exchange.parts.contract.renderRateLimit(state, exchange.context);
  return undefined;
}

/** Finds the price's endpoint. */
export function findRoute(exchange: Exchange, path: string): Refusal | undefined {
  const route = exchange.parts.meter.route(exchange.method, path, exchange.identity ?? {});
  if ("code" in route) return route;
  exchange.route = route;
  exchange.endpoint = route.endpoint;
  return undefined;
}

function isRefusal(answer: Identity | Refusal): answer is Refusal {
  return "code" in answer;
}
