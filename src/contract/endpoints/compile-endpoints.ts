import type { Contract, ContractEndpoint } from "../contract.ts";
import type { EndpointTemplate } from "../contract-schema.ts";
import type { TemplateProblem } from "../template.ts";
import { compileBalances } from "./balances-endpoint.ts";
import { compileUsageEndpoint } from "./usage-endpoint.ts";

/** Compiles the endpoints that a contract adds. HEAD is answered like GET; the gateway leaves the body away. */
export function compileEndpoints(
  templates: readonly EndpointTemplate[],
  problems: TemplateProblem[],
): Contract["findEndpoint"] {
  const byMatch = new Map<string, ContractEndpoint>();
  for (const [index, template] of templates.entries()) {
    const path = ["endpoints", index];
    if (byMatch.has(template.match)) {
      problems.push({
        path: [...path, "match"],
        reason: `${template.match} is answered twice`,
        mend: "remove one of the two",
      });
    }
    const { request } = template;
    byMatch.set(
      template.match,
      request === undefined
        ? compileBalances(template, problems, path)
        : compileUsageEndpoint({ ...template, request }, problems, path),
    );
  }
  return (method, path) => byMatch.get(`${method === "HEAD" ? "GET" : method} ${path}`);
}
