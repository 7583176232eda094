import { randomBytes } from "node:crypto";
import type { Hook } from "@hono/zod-openapi";
import { OpenAPIHono } from "@hono/zod-openapi";
import { FareboxError } from "../../domain/farebox-error.ts";
import { formatUuidV7 } from "../../domain/ids.ts";
import type { Queryable } from "../../ledger/database/database.ts";
import type { ConsoleDoor } from "../../pages/console-door.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { listAllowedMethods } from "../list-allowed-methods.ts";
import { fieldProblems, isFault, refuseFields, renderProblem } from "../problem.ts";
import { refuseUnknown } from "../refuse-unknown.ts";
import { authenticate } from "./access/authenticate.ts";
import { requireRole } from "./access/require-role.ts";
import { isConsolePath } from "./console/add-console.ts";
import type { OperatorApp, OperatorEnv } from "./operator-env.ts";
import { closeUnread, readBody } from "./read-body.ts";
import { REFERENCE_PATH } from "./reference/reference-page.ts";

/** The largest request body: a price list of some thousand prices. */
const MAX_BODY_BYTES = 1_048_576;

/** Answered without a token: they carry no data. */
const OPEN_PATHS = new Set(["/healthz", "/readyz", "/v1/openapi.json", REFERENCE_PATH]);

function isOpen(path: string): boolean {
  return OPEN_PATHS.has(path) || path.startsWith(`${REFERENCE_PATH}/`);
}

/** An app without operations: who may call it, how large a body may be, and how every error looks. */
export function createOperatorApp(options: {
  readonly token: string;
  readonly database: Queryable;
  readonly console?: ConsoleDoor | undefined;
  readonly logger: Logger;
}): OperatorApp {
  const app: OperatorApp = new OpenAPIHono<OperatorEnv>({ defaultHook: refuseInvalid, strict: true });
  const authenticated = authenticate(options);
  const permitted = requireRole(app);
  app.use("*", closeUnread);
  app.use("*", async (context, next) => {
    const requestId = formatUuidV7(Date.now(), randomBytes(10));
    context.set("requestId", requestId);
    context.header("x-request-id", requestId);
    context.header("cache-control", "no-store");
    const { path } = context.req;
    if (isOpen(path) || (path === "/" && options.console !== undefined)) await next();
    else if (isConsolePath(options.console, path)) await next();
    else return await authenticated(context, async () => void (await permitted(context, next)));
  });
  app.use("*", readBody(MAX_BODY_BYTES));
  app.use("*", refuseUnknown(app));
  app.notFound((context) => renderUnknownRoute(app, context.req.method, context.req.path, context));
  app.onError((error, context) => {
    if (isFault(error)) {
      const { method, path } = context.req;
      options.logger.error(
        { err: error, requestId: context.get("requestId"), method, path },
        "operator request failed",
      );
    }
    return renderProblem(context, error);
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "operatorToken", {
    type: "http",
    scheme: "bearer",
  });
  return app;
}

const refuseInvalid: Hook<unknown, OperatorEnv, string, unknown> = (result) => {
  if (!result.success) refuseFields(fieldProblems(result.error));
};

/** 405 with `Allow` where the path exists under another method, 404 elsewhere. */
function renderUnknownRoute(
  app: OperatorApp,
  method: string,
  path: string,
  context: Parameters<typeof renderProblem>[0],
): Response {
  const methods = listAllowedMethods(app, path);
  if (methods.length === 0) {
    return renderProblem(context, new FareboxError("route_not_found", `There is no ${method} ${path}.`));
  }
  context.header("allow", methods.join(", "));
  return renderProblem(
    context,
    new FareboxError("method_not_allowed", `${path} answers ${methods.join(", ")}, not ${method}.`),
  );
}
