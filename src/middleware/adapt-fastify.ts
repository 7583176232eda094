import { createServer, type Server } from "node:http";
import type { FastifyInstance, FastifyServerFactory, FastifyServerFactoryHandler } from "fastify";
import { FareboxError } from "../domain/farebox-error.ts";
import { beforeHandler, isMetered } from "./adapt-node.ts";
import type { FareboxCall } from "./farebox-call.ts";
import type { Middleware } from "./middleware.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What Farebox knows of this request. */
    readonly farebox: FareboxCall;
  }
}

/** Makes Fastify's servers, each with Farebox before Fastify: it routes what was priced. */
export function serverFactoryOf(middleware: Middleware): FastifyServerFactory {
  return (handler: FastifyServerFactoryHandler, options: Record<string, unknown>): Server => {
    const { http } = options as { http?: Parameters<typeof createServer>[0] };
    return createServer(
      http ?? {},
      beforeHandler(middleware, (request, response) => handler(request, response)),
    );
  };
}

/** Gives `request.farebox` to the handlers of Fastify. */
export function decorateFastify(app: FastifyInstance, close: () => Promise<void>): void {
  app.decorateRequest("farebox", {
    getter() {
      if (isMetered(this.raw)) return this.raw.farebox;
      throw new FareboxError(
        "farebox_missing",
        "this request did not come through Farebox: give Fastify its serverFactory, and ask it by a real address (app.inject goes past every server)",
      );
    },
  });
  app.addHook("onClose", close);
}
