import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { getRequestListener } from "@hono/node-server";
import compression from "compression";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { openFakeMeterUnderTest } from "../../src/gateway/testing/fake-meter-under-test.ts";
import { RawClient } from "../../src/gateway/testing/raw-client.ts";
import { type MeterUnderTest, requestText } from "../../src/gateway/testing/world.ts";
import { asExpress } from "../../src/middleware/adapt-express.ts";
import { decorateFastify, serverFactoryOf } from "../../src/middleware/adapt-fastify.ts";
import { createServerOf, provideToHono } from "../../src/middleware/adapt-hono.ts";
import { beforeHandler } from "../../src/middleware/adapt-node.ts";
import type { Middleware } from "../../src/middleware/middleware.ts";
import { openMiddleware } from "./open-middleware.ts";

const ROWS = JSON.stringify({ data: Array.from({ length: 80 }, (_, id) => id), pad: "x".repeat(4_000) });
const JSON_TYPE = { "content-type": "application/json" };

/** `before`: what Farebox hands on is compressed. `behind`: what Farebox gets is. */
type Place = "before" | "behind";

let under: MeterUnderTest;
const servers: Server[] = [];

before(async () => {
  under = await openFakeMeterUnderTest();
});
after(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await under.close();
});

function open(): Middleware {
  return openMiddleware(under);
}

const squeeze = compression({ threshold: 0 });

function squeezed(listener: RequestListener): RequestListener {
  return (request, response) =>
    // It is written for Express, and uses nothing of it.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    squeeze(request as express.Request, response as express.Response, () => listener(request, response));
}

/** Puts compression before whatever listens at a server. */
function squeezeServer(server: Server): Server {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const listeners = server.listeners("request") as RequestListener[];
  server.removeAllListeners("request");
  for (const listener of listeners) server.on("request", squeezed(listener));
  return server;
}

const APPS: Readonly<Record<string, (place: Place) => Server | Promise<Server>>> = {
  "node:http": (place) => {
    const handler: RequestListener = (_request, response) => response.writeHead(200, JSON_TYPE).end(ROWS);
    if (place === "behind") return createServer(beforeHandler(open(), squeezed(handler)));
    return squeezeServer(createServer(beforeHandler(open(), handler)));
  },
  Express: (place) => {
    const app = express();
    app.use(...(place === "behind" ? [asExpress(open()), squeeze] : [squeeze, asExpress(open())]));
    app.use((_request, response) => void response.type("json").send(ROWS));
    return createServer(app);
  },
  Fastify: async (place) => {
    const app = Fastify({ serverFactory: serverFactoryOf(open()) });
    decorateFastify(app, async () => undefined);
    if (place === "behind") {
      app.addHook("onRequest", (request, reply, done) =>
        squeezed(() => done())(request.raw, reply.raw as Parameters<RequestListener>[1]),
      );
    }
    app.get("/results", (_request, reply) => reply.headers(JSON_TYPE).send(ROWS));
    await app.ready();
    return place === "before" ? squeezeServer(app.server) : app.server;
  },
  Hono: (place) => {
    const app = new Hono();
    app.use(provideToHono);
    if (place === "behind") app.use(compress());
    app.get("/results", (context) => context.body(ROWS, 200, JSON_TYPE));
    const listener = getRequestListener(app.fetch);
    const server = createServerOf(open())((request, response) => void listener(request, response));
    return place === "before" ? squeezeServer(server) : server;
  },
};

describe("compression", () => {
  for (const [name, make] of Object.entries(APPS)) {
    for (const place of ["before", "behind"] as const) {
      it(`${place} Farebox in ${name}: results are counted, and the client gets its coding`, async () => {
        const server = await make(place);
        servers.push(server);
        await new Promise<void>((resolve) => {
          server.listen(0, "127.0.0.1", resolve);
        });
        const account = await under.openAccount();
        const client = new RawClient((server.address() as AddressInfo).port);
        client.write(requestText(account, "GET /results", ["Accept-Encoding: gzip"]));
        const response = await client.response();
        assert.equal(response.header("content-encoding"), "gzip");
        assert.equal(response.header("credits-charged"), "80");
        assert.equal(gunzipSync(response.body).toString(), ROWS);
        assert.equal((await account.books()).charged, "80");
        client.leave();
      });
    }
  }
});
