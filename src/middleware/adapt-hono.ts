import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { MiddlewareHandler } from "hono";
import { FareboxError } from "../domain/farebox-error.ts";
import { beforeHandler, isMetered } from "./adapt-node.ts";
import type { FareboxCall } from "./farebox-call.ts";
import type { Middleware } from "./middleware.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** What Farebox knows of this request. */
    readonly farebox: FareboxCall;
  }
}

/** Makes the server that @hono/node-server listens with, Farebox before Hono: it routes what was priced. */
export function createServerOf(middleware: Middleware): typeof createServer {
  const make = (first?: unknown, second?: unknown): Server => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const listener = (typeof first === "function" ? first : second) as RequestListener;
    const options = (typeof first === "object" && first !== null ? first : {}) as Parameters<
      typeof createServer
    >[0];
    return createServer(
      options ?? {},
      beforeHandler(middleware, (request, response) => listener(request, response)),
    );
  };
  return make;
}

/** Gives `c.var.farebox` to the handlers of Hono. */
export const provideToHono: MiddlewareHandler = async (context, next) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { incoming } = context.env as { incoming?: IncomingMessage };
  if (incoming === undefined || !isMetered(incoming)) {
    throw new FareboxError(
      "farebox_missing",
      "this request did not come through Farebox: give serve() of @hono/node-server its createServer",
    );
  }
  context.set("farebox", incoming.farebox);
  await next();
};
