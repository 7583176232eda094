import type { Refusal } from "../../domain/refusal.ts";
import { inspectHead } from "../headers/request-guard.ts";
import type { Exchange } from "../parts/exchange.ts";
import { readTarget } from "./read-target.ts";

export const MORE_THAN_ONE_KEY = "more than one key";

/** The first step: nothing of a request is used before its head and its target are known to mean one thing. */
export function inspectRequest(exchange: Exchange): Refusal | undefined {
  const { request, parts, method } = exchange;
  const limits = parts.config.gateway;
  const head = inspectHead(request, limits.maxHeaderCount);
  if ("reason" in head) return { code: "request_invalid", reason: head.reason };
  const target = readTarget(
    method,
    request.url ?? "",
    parts.contract,
    (name, path) => parts.openRoutes.find(name, path) !== undefined,
  );
  if ("reason" in target) return { code: "request_invalid", reason: target.reason };
  // From here on the key is no part of the target: nothing that is priced, compared, logged or forwarded holds it.
  const { query, found } = parts.contract.takeQueryKey(target.query);
  if (found.ambiguous) return { code: "request_invalid", reason: MORE_THAN_ONE_KEY };
  // An upstream that answers TRACE would show the client the credentials that we add.
  if (method === "TRACE") return { code: "request_invalid", reason: "method TRACE is not forwarded" };
  exchange.head = head;
  exchange.target = { path: target.path, query };
  exchange.keyInQuery = found;
  if (typeof head.bodyLength === "number" && head.bodyLength > limits.maxRequestBodyBytes) {
    return { code: "request_too_large", limitBytes: limits.maxRequestBodyBytes };
  }
  return undefined;
}
