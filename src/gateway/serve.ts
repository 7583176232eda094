import type { Refusal } from "../domain/refusal.ts";
import type { RequestTarget } from "../domain/routes/request-path.ts";
import { answerAccountEndpoint, answerOpenAccountEndpoint } from "./account-endpoints.ts";
import { admitRequest } from "./admit-request.ts";
import { answerEndpoint } from "./contract-endpoint.ts";
import { fail, report } from "./end-exchange.ts";
import { RETRY_AFTER_SECONDS } from "./error-refusal.ts";
import type { Exchange } from "./exchange.ts";
import { chooseUpstream, forward } from "./forward.ts";
import { authenticate, findRoute, limitRate } from "./identify.ts";
import { inspectRequest } from "./inspect-request.ts";
import type { RequestHead } from "./request-guard.ts";
import { refuse } from "./respond.ts";
import { replay } from "./stored-response.ts";

/** Serves one request from its head to the end of its answer and its books. Never rejects. */
export async function serve(exchange: Exchange): Promise<void> {
  try {
    const refusal = inspectRequest(exchange) ?? (await serveInspected(exchange));
    if (refusal !== undefined) refuse(exchange, refusal);
  } catch (error) {
    fail(exchange, error);
  }
  report(exchange);
}

async function serveInspected(exchange: Exchange): Promise<Refusal | undefined> {
  const { head, target, method, parts } = exchange;
  if (head === undefined || target === undefined) throw new TypeError("the request was not inspected");
  const { path } = target;
  const own = parts.accountEndpoints?.covers(path) === true ? parts.accountEndpoints : undefined;
  if (own !== undefined && answerOpenAccountEndpoint(exchange, own, target)) return undefined;
  // A browser asks by OPTIONS before it sends a key (CORS preflight): it can neither be priced nor authenticated.
  const isOpen = method === "OPTIONS" || parts.openRoutes.find(method, path) !== undefined;
  if (isOpen && own === undefined) {
    exchange.endpoint = "open";
    return passOn(exchange, head, target);
  }
  const refusal = await authenticate(exchange, path, own?.isForEveryKey(method, path));
  if (refusal !== undefined) return refusal;
  const accountId = exchange.identity?.accountId ?? "";
  if (!parts.accounts.enter(accountId)) return { code: "overloaded", retryAfterSeconds: RETRY_AFTER_SECONDS };
  try {
    // The contract's go first: a vendor's documented path may lie below the customer API's.
    const endpoint = parts.contract.findEndpoint(method, path);
    if (endpoint !== undefined) return await answerEndpoint(exchange, endpoint, target);
    if (own !== undefined) return await answerAccountEndpoint(exchange, own, target);
    return await serveAccount(exchange, head, target);
  } finally {
    parts.accounts.leave(accountId);
  }
}

/** A request whose sender is known: price, limit, credits, then the upstream. */
async function serveAccount(
  exchange: Exchange,
  head: RequestHead,
  target: RequestTarget,
): Promise<Refusal | undefined> {
  const refusal = findRoute(exchange, target.path) ?? limitRate(exchange, target.path);
  if (refusal !== undefined) return refusal;
  const { route } = exchange;
  if (route === undefined) throw new TypeError("the route was not found");
  const decision = await admitRequest(exchange, route, target);
  if (decision?.kind === "gone") return undefined;
  if (decision?.kind === "refused") return decision.refusal;
  if (decision?.kind === "replay") {
    await replay(exchange, decision.response);
    return undefined;
  }
  exchange.admission = decision?.admission;
  return passOn(exchange, head, target);
}

async function passOn(
  exchange: Exchange,
  head: RequestHead,
  target: RequestTarget,
): Promise<Refusal | undefined> {
  const upstream = chooseUpstream(exchange, target);
  if ("code" in upstream || exchange.clientGone) {
    await exchange.admission?.cancel();
    return "code" in upstream ? upstream : undefined;
  }
  await forward(exchange, upstream, head, target);
  return undefined;
}
