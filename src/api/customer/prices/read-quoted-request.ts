import type { z } from "@hono/zod-openapi";
import { fieldsOfValue } from "../../../domain/prices/field-value.ts";
import type { RequestFacts } from "../../../domain/prices/price.ts";
import { parseTarget } from "../../../domain/routes/request-path.ts";
import { refuseFields } from "../../problem.ts";
import type { quoteRequest } from "../wire/prices.ts";

/** A described request as prices look at it: its path is brought into the form in which it would be matched and forwarded. */
export function readQuotedRequest(described: z.infer<typeof quoteRequest>): Omit<RequestFacts, "pathParams"> {
  const target = parseTarget(described.path);
  if ("reason" in target) return refuseFields([{ path: "path", reason: target.reason }]);
  const query = new URLSearchParams(target.query);
  for (const [name, values] of Object.entries(described.query ?? {})) {
    for (const value of Array.isArray(values) ? values : [values]) query.append(name, value);
  }
  const headers = new Map(
    Object.entries(described.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return {
    method: described.method,
    path: target.path,
    query,
    header: (name) => headers.get(name),
    body: fieldsOfValue(described.body),
  };
}
