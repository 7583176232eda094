import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Env } from "hono";

/** The methods that an app answers at a path, for the `Allow` of a 405; none: there is no such path. */
export function listAllowedMethods<E extends Env>(app: OpenAPIHono<E>, path: string): string[] {
  const routes = app.routes.filter((route) => route.method !== "ALL" && matches(route.path, path));
  return [...new Set(routes.map((route) => route.method))];
}

function matches(pattern: string, path: string): boolean {
  const expected = pattern.split("/");
  const actual = path.split("/");
  return (
    expected.length === actual.length &&
    expected.every((part, index) => part.startsWith(":") || part === actual[index])
  );
}
