import { type MatchPattern, parseMatchPattern } from "../../../domain/routes/match-pattern.ts";
import { RouteTable } from "../../../domain/routes/route-table.ts";
import type { CustomerServices } from "../customer-services.ts";

/** The configuration's endpoints that need no key. */
export type OpenRoutes = RouteTable<true>;

/** Reads `open` as the gateway reads it. The configuration has checked every match. */
export function readOpenRoutes(open: readonly string[]): OpenRoutes {
  const patterns = open.flatMap((match): [MatchPattern, true][] => {
    const pattern = parseMatchPattern(match, "open", []);
    return pattern === undefined ? [] : [[pattern, true]];
  });
  return new RouteTable(patterns, { exact: true, headAsGet: true });
}

/** The name of a request that has nothing to do with prices, in the gateway's order; undefined for those that may have one. */
export function findUnmetered(
  { config, contract }: CustomerServices,
  open: OpenRoutes,
  method: string,
  path: string,
): string | undefined {
  const isOwn = path.startsWith(`${config.customerApi.path}/`);
  if (!isOwn && (method === "OPTIONS" || open.find(method, path) !== undefined)) return "open";
  if (contract.findEndpoint(method, path) !== undefined) return `${method} ${path}`;
  return isOwn ? "customer API" : undefined;
}
