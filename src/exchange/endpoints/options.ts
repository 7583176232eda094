import type { RequestTarget } from "../../domain/routes/request-path.ts";
import type { Exchange } from "../parts/exchange.ts";
import { refuse, sendWhole } from "../response/respond.ts";

/**
 * Answers an OPTIONS that is ours to answer, without a key: a browser asks before it sends one. With `gateway.cors` these are
 * all preflights, whatever the path; else those of the customer API. False: it is forwarded.
 */
export function answerOptions(exchange: Exchange, { path }: RequestTarget): boolean {
  const { parts, header } = exchange;
  const origin = header("origin");
  const method = header("access-control-request-method");
  if (parts.cors !== undefined && origin !== undefined && method !== undefined) {
    exchange.endpoint = "open";
    if (!parts.cors.allows(origin)) {
      refuse(exchange, { code: "origin_refused", origin });
      return true;
    }
    const headers = parts.cors.preflight(method, header("access-control-request-headers"));
    sendWhole(exchange, 204, undefined, headers, []);
    return true;
  }
  const own = parts.accountEndpoints;
  if (own?.covers(path) !== true) return false;
  exchange.endpoint = "open";
  const allowed = own.listMethods(path);
  if (allowed.length === 0) refuse(exchange, { code: "route_unknown" });
  else sendWhole(exchange, 204, undefined, ["Allow", [...allowed, "OPTIONS"].join(", ")], []);
  return true;
}
