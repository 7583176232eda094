import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import type { Gateway } from "../../gateway/create-gateway.ts";
import type { GatewayOptions } from "../../gateway/gateway-parts.ts";
import { asExpress } from "../adapt-express.ts";
import { decorateFastify, serverFactoryOf } from "../adapt-fastify.ts";
import { createServerOf, provideToHono } from "../adapt-hono.ts";
import { beforeHandler } from "../adapt-node.ts";
import { createMiddleware, type Middleware } from "../middleware.ts";
import { Relay } from "./relay.ts";

/** An application that has Farebox in its process and whose handler relays; as a world's front. */
export type AppMaker = (
  middleware: Middleware,
  relay: Relay,
  options: ServerOptions,
) => Server | Promise<Server>;

/** Plain node:http. */
export const nodeApp: AppMaker = (middleware, relay, options) =>
  createServer(
    options,
    beforeHandler(middleware, (request, response) => relay.handle(request, response)),
  );

export const expressApp: AppMaker = (middleware, relay, options) => {
  const app = express();
  // What it says of itself would stand before the answer's own headers.
  app.disable("x-powered-by");
  app.use(asExpress(middleware));
  app.use((request, response) => relay.handle(request, response));
  return createServer(options, app);
};

export const fastifyApp: AppMaker = async (middleware, relay, options) => {
  const app = Fastify({
    http: options,
    serverFactory: serverFactoryOf(middleware),
    exposeHeadRoutes: false,
    routerOptions: { ignoreTrailingSlash: false },
  });
  decorateFastify(app, async () => undefined);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.setNotFoundHandler((request, reply) => {
    reply.hijack();
    relay.handle(request.raw, reply.raw);
  });
  await app.ready();
  return app.server;
};

/** The handler writes by itself to what Hono stands on. */
export const honoApp: AppMaker = (middleware, relay, options) => {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(provideToHono);
  app.all("*", (context) => {
    relay.handle(context.env.incoming, context.env.outgoing);
    return RESPONSE_ALREADY_SENT;
  });
  return createServerOf(middleware)(options, listenerOf(app));
};

function listenerOf(app: Hono<{ Bindings: HttpBindings }>): RequestListener {
  const listener = getRequestListener(app.fetch);
  return (request, response) => void listener(request, response);
}

export function frontOf(makeApp: AppMaker): (options: GatewayOptions) => Gateway {
  return (options) => {
    const middleware = createMiddleware(options);
    const relay = new Relay(options);
    const { maxHeaderBytes, drainMs } = options.config.gateway;
    const made = makeApp(middleware, relay, { maxHeaderSize: maxHeaderBytes, requireHostHeader: false });
    return {
      reloadCertificate() {},
      accept: (socket) => void Promise.resolve(made).then((server) => server.emit("connection", socket)),
      listen: async (host, port) => listen(await made, host, port),
      announceEnd: async () => middleware.announceEnd(),
      async close() {
        middleware.announceEnd();
        const server = await made;
        const closed = new Promise((resolve) => {
          server.close(resolve);
        });
        server.closeIdleConnections();
        await middleware.drain(drainMs);
        server.closeAllConnections();
        await relay.upstreams.destroy();
        await closed;
      },
    };
  };
}

async function listen(server: Server, host: string, port: number): Promise<{ host: string; port: number }> {
  await new Promise<void>((resolve) => {
    server.listen(port, host, resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return { host, port: taken };
}
