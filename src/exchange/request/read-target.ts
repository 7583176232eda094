import type { Contract } from "../../contract/contract.ts";
import { parseTarget, type RequestTarget, type TargetFault } from "../../domain/routes/request-path.ts";

/**
 * A request's target. Servers read an encoded slash differently, so no path that has one is forwarded; but what a contract's endpoint has
 * as a parameter may have slashes, as the names of time zones do: `/usage/Europe%2FBerlin`.
 */
export function readTarget(
  method: string,
  url: string,
  contract: Pick<Contract, "findEndpoint">,
  isForwarded: (method: string, path: string) => boolean,
): RequestTarget | TargetFault {
  const target = parseTarget(url);
  if (!("reason" in target)) return target;
  const own = parseTarget(url, true);
  if ("reason" in own || isForwarded(method, own.path)) return target;
  return contract.findEndpoint(method, own.path) === undefined ? target : own;
}
