import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { mayActAs, type OperatorRole } from "../../../domain/operator-role.ts";
import type { OperatorApp, OperatorEnv } from "../operator-env.ts";
import { OPERATION_ROLES, ROUTE_ROLES } from "./operation-roles.ts";

/**
 * Lets a request pass whose sender's role may carry out the operation that it asks for. An operation that the table of roles does
 * not have is answered to nobody. Throws FareboxError `role_not_permitted`. Comes after {@link authenticate}.
 */
export function requireRole(app: OperatorApp): MiddlewareHandler<OperatorEnv> {
  let roles: ReadonlyMap<string, OperatorRole | undefined> | undefined;
  return async (context, next) => {
    roles ??= readRoles(app);
    const route = findRoute(context);
    // No operation is there: 404 or 405, whoever asks.
    if (route === undefined) return await next();
    const needed = roles.get(route);
    if (needed === undefined) throw new TypeError(`${route} has no role in operation-roles.ts`);
    const { role, actor } = context.get("operator");
    if (!mayActAs(role, needed)) {
      throw new FareboxError(
        "role_not_permitted",
        `This needs the role ${needed}, and ${actor} has the role ${role}.`,
        { detail: { needed, role } },
      );
    }
    return await next();
  };
}

/** `GET /v1/accounts/:account`: what the request will be answered by, the first of several that match. */
function findRoute(context: Context<OperatorEnv>): string | undefined {
  const route = matchedRoutes(context).find(({ method }) => method !== "ALL");
  return route && `${route.method} ${route.path}`;
}

/** The role of each operation, by its method and path as the app has them. */
function readRoles(app: OperatorApp): ReadonlyMap<string, OperatorRole | undefined> {
  const operations = app.openAPIRegistry.definitions.flatMap((definition) =>
    definition.type === "route" ? [definition.route] : [],
  );
  return new Map<string, OperatorRole | undefined>([
    ...operations.map(({ method, path, operationId = "" }): [string, OperatorRole | undefined] => [
      `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`,
      OPERATION_ROLES[operationId],
    ]),
    ...Object.entries(ROUTE_ROLES),
  ]);
}
