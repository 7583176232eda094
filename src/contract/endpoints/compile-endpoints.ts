import type { Problem } from "../../domain/problem.ts";
import { type MatchPattern, parseMatchPattern } from "../../domain/routes/match-pattern.ts";
import { RouteTable, routeKey } from "../../domain/routes/route-table.ts";
import type { Contract, ContractEndpoint } from "../contract.ts";
import type { TemplateProblem } from "../template.ts";
import { compileBalances } from "./balances-endpoint.ts";
import type { EndpointTemplate } from "./endpoint-schema.ts";
import { compileRequires, type RenderInvalid } from "./required-headers.ts";
import { compileUsageEndpoint } from "./usage-endpoint.ts";

/** As prices are found: to many upstreams these differences do not matter either. HEAD is answered like GET. */
const TOLERANCE = { exact: false, headAsGet: true } as const;

/** Compiles the endpoints that a contract adds. The gateway leaves the body of an answer to HEAD away. */
export function compileEndpoints(
  templates: readonly EndpointTemplate[],
  problems: TemplateProblem[],
  renderInvalid: RenderInvalid,
): Contract["findEndpoint"] {
  const routes = new Map<string, [MatchPattern, ContractEndpoint]>();
  for (const [index, template] of templates.entries()) {
    const path = ["endpoints", index];
    const pattern = readPattern(template.match);
    const key = routeKey(pattern, TOLERANCE);
    if (routes.has(key)) {
      problems.push({
        path: [...path, "match"],
        reason: `${template.match} is answered twice`,
        fix: "remove one of the two",
      });
    }
    routes.set(key, [pattern, compileEndpoint(template, problems, path, renderInvalid)]);
  }
  const table = new RouteTable([...routes.values()], TOLERANCE);
  return (method, path) => {
    const found = table.find(method, path);
    return found && { match: found.pattern.text, endpoint: found.value, pathParams: found.pathParams };
  };
}

function compileEndpoint(
  template: EndpointTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
  renderInvalid: RenderInvalid,
): ContractEndpoint {
  const { request } = template;
  const checkRequest = compileRequires(template, problems, [...path, "requires"], renderInvalid);
  return request === undefined
    ? { ...compileBalances(template, problems, path), checkRequest }
    : { ...compileUsageEndpoint({ ...template, request }, problems, path), checkRequest };
}

/** The form has checked it. */
function readPattern(match: string): MatchPattern {
  const problems: Problem[] = [];
  const pattern = parseMatchPattern(match, "match", problems);
  if (pattern === undefined) throw new TypeError(`${match}: ${problems[0]?.reason ?? "is no match"}`);
  return pattern;
}
