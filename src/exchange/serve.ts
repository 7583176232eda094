import type { Refusal } from "../domain/refusal.ts";
import type { RequestTarget } from "../domain/routes/request-path.ts";
import { answerAccountEndpoint, answerOpenAccountEndpoint } from "./endpoints/account-endpoints.ts";
import { answerEndpoint } from "./endpoints/contract-endpoint.ts";
import { answerExport, answerLink, readLink } from "./endpoints/export-endpoint.ts";
import { answerOptions } from "./endpoints/options.ts";
import { answerPage } from "./endpoints/page-endpoint.ts";
import { answerPortal } from "./endpoints/portal-endpoint.ts";
import type { RequestHead } from "./headers/request-guard.ts";
import { identifySender } from "./identify-sender.ts";
import type { Exchange } from "./parts/exchange.ts";
import type { ExportEndpoint } from "./parts/export-door.ts";
import { type Admitting, admitRequest } from "./request/admit-request.ts";
import { authenticate, findRoute, limitRate } from "./request/identify.ts";
import { inspectRequest } from "./request/inspect-request.ts";
import { tellAnswered } from "./response/account-state.ts";
import { endExchange, fail } from "./response/end-exchange.ts";
import { RETRY_AFTER_SECONDS } from "./response/error-refusal.ts";
import { refuse } from "./response/respond.ts";
import { replay } from "./response/stored-response.ts";
import { chooseUpstream, forward } from "./upstream/forward.ts";

/** How far a request has got: it is to be refused, it is answered, or it is at the upstream, whose call ends the exchange. */
type Served = Refusal | "answered" | "forwarded";

/**
 * Serves one request from its head to the end of its answer and its books. Never throws. The steps are asynchronous only
 * where one waits: a known key with a lease gets from here to the upstream's socket in one call, without a promise.
 */
export function serve(exchange: Exchange): void {
  let served: Served | Promise<Served>;
  try {
    served = inspectRequest(exchange) ?? identifySender(exchange) ?? serveInspected(exchange);
  } catch (error) {
    die(exchange, error);
    return;
  }
  if (served instanceof Promise) {
    void served.then(
      (late) => conclude(exchange, late),
      (error: unknown) => die(exchange, error),
    );
  } else {
    conclude(exchange, served);
  }
}

function conclude(exchange: Exchange, served: Served): void {
  if (served === "forwarded") return;
  const told = served === "answered" ? undefined : tellRefused(exchange, served);
  if (told === undefined) end(exchange, served);
  else void told.then(() => end(exchange, served));
}

/**
 * Reads what a refusal says of its account. A body that is declared too large is refused before its key is looked at: it is looked at
 * for this alone, where the contract says something on every answer.
 */
function tellRefused(exchange: Exchange, refusal: Refusal): Promise<void> | undefined {
  const { parts, identity, target } = exchange;
  if (refusal.code !== "request_too_large" || identity !== undefined || target === undefined) {
    return tellAnswered(exchange, refusal);
  }
  if (!parts.contract.tellsAnswered) return undefined;
  const found = authenticate(exchange, target.path);
  return found instanceof Promise
    ? found.then(() => tellAnswered(exchange, refusal))
    : tellAnswered(exchange, refusal);
}

function end(exchange: Exchange, served: Refusal | "answered"): void {
  try {
    if (served !== "answered") refuse(exchange, served);
  } catch (error) {
    fail(exchange, error);
  }
  endExchange(exchange);
}

function die(exchange: Exchange, error: unknown): void {
  fail(exchange, error);
  endExchange(exchange);
}

function serveInspected(exchange: Exchange): Served | Promise<Served> {
  const { head, target, method, parts } = exchange;
  if (head === undefined || target === undefined) throw new TypeError("the request was not inspected");
  const { path } = target;
  if (parts.portal?.covers(path) === true) return answerPortal(exchange, parts.portal, target).then(answered);
  if (parts.pages?.covers(path) === true) {
    answerPage(exchange, parts.pages, path);
    return "answered";
  }
  if (method === "OPTIONS" && answerOptions(exchange, target)) return "answered";
  const ofExport = parts.exports?.find(method, path);
  if (ofExport !== undefined) return serveExport(exchange, ofExport, target);
  const own = parts.accountEndpoints?.covers(path) === true ? parts.accountEndpoints : undefined;
  if (own !== undefined && answerOpenAccountEndpoint(exchange, own, target)) return "answered";
  // A browser asks by OPTIONS before it sends a key (CORS preflight): it can neither be priced nor authenticated.
  const isOpen = method === "OPTIONS" || parts.openRoutes.find(method, path) !== undefined;
  if (isOpen && own === undefined) {
    exchange.endpoint = "open";
    return passOn(exchange, head, target);
  }
  const refusal = authenticate(exchange, path, own?.isForEveryKey(method, path));
  if (refusal instanceof Promise)
    return refusal.then((late) => late ?? serveIdentified(exchange, head, target));
  return refusal ?? serveIdentified(exchange, head, target);
}

/** A request whose sender is known, within what one account may have under way. */
function serveIdentified(
  exchange: Exchange,
  head: RequestHead,
  target: RequestTarget,
): Served | Promise<Served> {
  const { method, parts } = exchange;
  const { path } = target;
  const refusal = enterAccount(exchange);
  if (refusal !== undefined) return refusal;
  // The contract's go first: a vendor's documented path may lie below the customer API's.
  const found = parts.contract.findEndpoint(method, path);
  if (found !== undefined) return answerEndpoint(exchange, found, target).then(answered);
  const own = parts.accountEndpoints;
  if (own?.covers(path) === true) return answerAccountEndpoint(exchange, own, target).then(answered);
  return serveAccount(exchange, head, target);
}

function enterAccount(exchange: Exchange): Refusal | undefined {
  const accountId = exchange.identity?.accountId ?? "";
  if (!exchange.parts.accounts.enter(accountId)) {
    return { code: "overloaded", retryAfterSeconds: RETRY_AFTER_SECONDS };
  }
  exchange.slot = accountId;
  return undefined;
}

/** A request about exports: with a link, which needs no key, or with a key. */
async function serveExport(
  exchange: Exchange,
  endpoint: ExportEndpoint,
  target: RequestTarget,
): Promise<Served> {
  const { exports: door } = exchange.parts;
  if (door === undefined) throw new TypeError("there are no exports");
  if (endpoint.kind === "file" && endpoint.isLinkable) {
    const link = readLink(target.query);
    if (link !== undefined) return answered(await answerLink(exchange, door, endpoint, target, link));
  }
  const refusal = (await authenticate(exchange, target.path)) ?? enterAccount(exchange);
  return refusal ?? answered(await answerExport(exchange, door, endpoint, target));
}

/** What neither Farebox nor the contract answers: price, limit, credits, then the upstream. */
function serveAccount(
  exchange: Exchange,
  head: RequestHead,
  target: RequestTarget,
): Served | Promise<Served> {
  const refusal = findRoute(exchange, target.path) ?? limitRate(exchange, target.path);
  if (refusal instanceof Promise) return refusal.then((late) => late ?? serveRoute(exchange, head, target));
  return refusal ?? serveRoute(exchange, head, target);
}

function serveRoute(exchange: Exchange, head: RequestHead, target: RequestTarget): Served | Promise<Served> {
  const { route } = exchange;
  if (route === undefined) throw new TypeError("the route was not found");
  const decision = admitRequest(exchange, route, target);
  if (decision instanceof Promise) return decision.then((late) => decided(exchange, head, target, late));
  return decided(exchange, head, target, decision);
}

function decided(
  exchange: Exchange,
  head: RequestHead,
  target: RequestTarget,
  decision: Admitting,
): Served | Promise<Served> {
  if (decision?.kind === "gone") return "answered";
  if (decision?.kind === "refused") return decision.refusal;
  if (decision?.kind === "replay") return replay(exchange, decision.response).then(answered);
  exchange.admission = decision?.admission;
  return passOn(exchange, head, target);
}

function passOn(exchange: Exchange, head: RequestHead, target: RequestTarget): Served | Promise<Served> {
  const upstream = chooseUpstream(exchange, target);
  if ("code" in upstream || exchange.clientGone) {
    const served = "code" in upstream ? upstream : "answered";
    const cancelled = exchange.admission?.cancel();
    return cancelled === undefined ? served : cancelled.then(() => served);
  }
  forward(exchange, upstream, head, target);
  return "forwarded";
}

function answered(refusal: Refusal | undefined | void): Served {
  return refusal ?? "answered";
}
