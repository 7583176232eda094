import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, Env, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { findJsonExcess } from "../domain/json/json-excess.ts";
import { nearestWord } from "../domain/nearest-word.ts";
import { findUnsafe } from "./find-unsafe.ts";
import { type FieldProblem, refuseFields } from "./problem.ts";

/** The parameters that may be repeated; a second one of any other is two questions. */
const REPEATABLE = new Set(["metadata"]);

/**
 * Refuses what an operation would not look at: parameters that it does not have, one that is given twice, and members and texts of
 * the body that no operation can keep. A filter that is ignored answers with everybody, and a change that is ignored was not made.
 *
 * Only for operations with a `security`: probes of health may have any query. Must come after the body's limit.
 * Throws FareboxError `request_invalid`, which names each.
 */
export function refuseUnknown<E extends Env>(app: OpenAPIHono<E>): MiddlewareHandler<E> {
  let known: ReadonlyMap<string, readonly string[]> | undefined;
  return async (context, next) => {
    known ??= readParameters(app);
    const parameters = known.get(findRoute(context) ?? "");
    if (parameters !== undefined) {
      const problems = [
        ...queryProblems(new URL(context.req.url).search.slice(1), parameters),
        ...(isJson(context) ? bodyProblems(await context.req.text()) : []),
      ];
      if (problems.length > 0) refuseFields(problems);
    }
    await next();
  };
}

/** `GET /v1/accounts/:account`: what the request will be answered by, the first of several that match. */
function findRoute(context: Context): string | undefined {
  const route = matchedRoutes(context).find(({ method }) => method !== "ALL");
  return route && `${route.method} ${route.path}`;
}

/** The names of each operation's query parameters, by its method and path as the app has them. */
function readParameters<E extends Env>(app: OpenAPIHono<E>): ReadonlyMap<string, readonly string[]> {
  const operations = app.openAPIRegistry.definitions.flatMap((definition) =>
    definition.type === "route" && definition.route.security !== undefined ? [definition.route] : [],
  );
  return new Map(
    operations.map(({ method, path, request }) => [
      `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`,
      Object.keys(shapeOf(request?.query)),
    ]),
  );
}

/** Every query is described by an object's schema. */
function shapeOf(schema: unknown): object {
  const isObject = typeof schema === "object" && schema !== null && "shape" in schema;
  return isObject && typeof schema.shape === "object" && schema.shape !== null ? schema.shape : {};
}

/** What is too much is not parsed to be told more about. */
function bodyProblems(text: string): FieldProblem[] {
  const excess = findJsonExcess(text);
  return excess === undefined ? findUnsafe(text) : [{ path: "", reason: excess }];
}

function queryProblems(query: string, parameters: readonly string[]): FieldProblem[] {
  if (query === "") return [];
  const problems: FieldProblem[] = [];
  const seen = new Set<string>();
  for (const part of query.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decode(equals === -1 ? part : part.slice(0, equals));
    const value = equals === -1 ? "" : decode(part.slice(equals + 1));
    const path = name ?? part.slice(0, equals === -1 ? undefined : equals);
    const isRepeated = name !== undefined && seen.has(name) && !REPEATABLE.has(name);
    if (name !== undefined) seen.add(name);
    if (name === undefined || !parameters.includes(name)) problems.push(unknownParameter(path, parameters));
    else if (value === undefined) problems.push({ path, reason: "must be percent-encoded UTF-8" });
    else if (value.includes("\0")) problems.push({ path, reason: "must not have a NUL character" });
    else if (isRepeated) problems.push({ path, reason: "must be given once" });
  }
  return problems;
}

function unknownParameter(path: string, parameters: readonly string[]): FieldProblem {
  const near = nearestWord(path, parameters);
  const list = parameters.length === 0 ? "there are none" : `there are ${parameters.join(", ")}`;
  const fix = near === undefined ? list : `did you mean ${near}?`;
  // In one text: contracts show their customers no more than a reason.
  return { path, reason: `is not a parameter of this request; ${fix}` };
}

/** Undefined: no UTF-8. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

function isJson(context: Context): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/i.test(context.req.header("content-type") ?? "");
}
