import assert from "node:assert/strict";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import express, { type Response as ExpressResponse, type NextFunction, type Request } from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { openFakeMeterUnderTest } from "../../src/gateway/testing/fake-meter-under-test.ts";
import { RawClient } from "../../src/gateway/testing/raw-client.ts";
import {
  eventualBooks,
  type MeterUnderTest,
  requestText,
  type TestAccount,
} from "../../src/gateway/testing/world.ts";
import { asExpress } from "../../src/middleware/adapt-express.ts";
import { decorateFastify, serverFactoryOf } from "../../src/middleware/adapt-fastify.ts";
import { createServerOf, provideToHono } from "../../src/middleware/adapt-hono.ts";
import { beforeHandler } from "../../src/middleware/adapt-node.ts";
import type { MeteredRequest, Middleware } from "../../src/middleware/middleware.ts";
import { openMiddleware } from "./open-middleware.ts";

let under: MeterUnderTest;
const failures: string[] = [];
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
  const events = { failed: (_id: string, error: unknown) => void failures.push(String(error)) };
  return openMiddleware(under, { open: ["GET /open"], events });
}

async function serve(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** One call with a new account's key, and what its books say then. */
async function call(
  server: Server | RequestListener,
  path: string,
  init: RequestInit = {},
): Promise<{ response: Response; text: string; charged: string; account: TestAccount }> {
  const url = await serve(typeof server === "function" ? createServer(server) : server);
  const account = await under.openAccount();
  const headers = { authorization: `Bearer ${account.key}`, ...(init.headers as object) };
  const response = await fetch(url + path, { ...init, headers });
  const text = await response.text();
  return { response, text, charged: (await account.books()).charged, account };
}

/** An application of Express with Farebox before one handler. */
function app(...handlers: express.RequestHandler[]): express.Express {
  const made = express();
  made.use(asExpress(open()));
  made.use(...handlers);
  made.use((error: unknown, _request: Request, response: ExpressResponse, next: NextFunction) => {
    if (response.headersSent) next(error);
    else response.status(500).send("the application's own words");
  });
  return made;
}

describe("a handler that fails", () => {
  const fails: [string, express.RequestHandler][] = [
    [
      "throws",
      () => {
        throw new Error("at once");
      },
    ],
    ["rejects", async () => Promise.reject(new Error("later"))],
    ["says next(error)", (_request, _response, next) => next(new Error("on purpose"))],
  ];
  for (const [what, handler] of fails) {
    it(`${what} in Express costs nothing, and the application answers`, async () => {
      const { response, text, charged } = await call(app(handler), "/fixed");
      assert.deepEqual([response.status, text, charged], [500, "the application's own words", "0"]);
    });
  }

  for (const [what, handler] of [
    ["throws", () => assert.fail("at once")],
    ["rejects", async () => Promise.reject(new Error("later"))],
    ["destroys its response", (_request: IncomingMessage, response: ServerResponse) => response.destroy()],
  ] as const) {
    it(`${what} in node:http costs nothing, and is a 502`, async () => {
      const { response, charged } = await call(beforeHandler(open(), handler), "/fixed");
      assert.deepEqual([response.status, charged], [502, "0"]);
    });
  }

  it("after a part of its answer was sent: the client sees the break, and the charge is returned", async () => {
    const failing = app(async (_request, response) => {
      response.write("a part");
      await turn();
      throw new Error("too late to tell");
    });
    const url = new URL(await serve(createServer(failing)));
    const account = await under.openAccount();
    const client = new RawClient(Number(url.port));
    client.write(requestText(account, "GET /fixed"));
    const response = await client.response();
    assert.deepEqual([response.status, response.complete], [200, false]);
    const books = await eventualBooks(account, ({ refunded }) => refunded !== "0");
    assert.deepEqual([books.charged, books.refunded], ["5", "5"]);
  });

  it("writes less than it promised: free, and no answer", async () => {
    const short = beforeHandler(open(), (_request, response) => {
      response.writeHead(200, { "Content-Length": 10 });
      response.end("four");
    });
    const { response, charged } = await call(short, "/fixed");
    assert.deepEqual([response.status, charged], [502, "0"]);
  });
});

describe("what a handler tells", () => {
  const telling = (tell: (request: MeteredRequest) => void, body = "{}"): RequestListener =>
    beforeHandler(open(), (request, response) => {
      try {
        tell(request);
        response.end(body);
      } catch (error) {
        response.statusCode = 500;
        response.end(String(error));
      }
    });

  it("is who calls, what the call may cost and what the account has", async () => {
    let seen: unknown;
    const listener = beforeHandler(open(), async (request, response) => {
      const { accountId, endpoint, quote } = request.farebox;
      seen = [accountId, endpoint, quote, await request.farebox.balance()];
      response.end();
    });
    const { account } = await call(listener, "/fixed");
    const balance = [{ creditType: "credits", balance: "1000" }];
    assert.deepEqual(seen, [account.accountId, "GET /fixed", "5", balance]);
  });

  for (const path of ["/counted", "/results", "/matches"]) {
    it(`units count on ${path} as what is read of the answer`, async () => {
      const { response, charged } = await call(
        telling((request) => {
          request.farebox.units = 12;
        }),
        path,
      );
      // A match costs 2, and 3 more go by a condition on the answer, which units do not touch.
      const cost = path === "/matches" ? "24" : "12";
      assert.deepEqual([response.headers.get("credits-charged"), charged], [cost, cost]);
    });
  }

  it("units that are told beyond the account's credits are taken as far as they go", async () => {
    const { charged } = await call(
      telling((request) => {
        request.farebox.units = 2_000;
      }),
      "/counted",
    );
    assert.equal(charged, "1000");
  });

  for (const units of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    it(`${units} units are refused`, async () => {
      const { text, charged } = await call(
        telling((request) => {
          request.farebox.units = units;
        }),
        "/counted",
      );
      assert.match(text, /is no number of units/);
      assert.equal(charged, "0");
    });
  }

  it("units are refused where the price counts nothing, and once the answer has begun that they decide", async () => {
    const fixed = telling((request) => {
      request.farebox.units = 1;
    });
    assert.match((await call(fixed, "/fixed")).text, /counts nothing/);
    let late: unknown;
    const begun = beforeHandler(open(), (request, response) => {
      response.write("begun");
      try {
        request.farebox.units = 3;
      } catch (error) {
        late = error;
      }
      response.end();
    });
    assert.equal((await call(begun, "/counted")).charged, "2");
    assert.match(String(late), /too late/);
  });

  it("a call that is free costs nothing, and is replayed so", async () => {
    const free = telling((request) => request.farebox.free(), "a gift");
    const { response, text, charged } = await call(free, "/fixed", { headers: { "idempotency-key": "f" } });
    assert.deepEqual([response.status, text, charged], [200, "a gift", "0"]);
  });
});

describe("what a handler sees", () => {
  it("is the request as it was priced: no key, no header of ours that a client made up, the path in its normal form", async () => {
    let seen: IncomingMessage | undefined;
    const listener = beforeHandler(open(), (request, response) => {
      seen = request;
      response.end();
    });
    const { account } = await call(listener, "/%75npriced?a=1", {
      headers: {
        "x-farebox-account": "acc_evil",
        "x-forwarded-for": "6.6.6.6",
        "x-http-method-override": "DELETE",
      },
    });
    assert.equal(seen?.url, "/unpriced?a=1");
    assert.equal(seen.headers.authorization, undefined);
    assert.equal(seen.headers["x-farebox-account"], account.accountId);
    assert.equal(seen.headers["x-forwarded-for"], "127.0.0.1");
    assert.equal(seen.headers["x-http-method-override"], undefined);
    assert.ok(seen.headers.host?.startsWith("127.0.0.1:"));
    assert.ok(!seen.rawHeaders.includes("6.6.6.6"));
  });

  it("behind a mount path and a router: the whole path is priced, each router sees its own part", async () => {
    const made = express();
    const router = express.Router();
    const seen: string[] = [];
    router.use(asExpress(open()));
    router.get("/:id", (request, response) => {
      seen.push(request.originalUrl, request.baseUrl, request.url, request.params["id"] ?? "");
      response.end();
    });
    made.use("/files", router);
    const { charged } = await call(made, "/files/%61");
    assert.deepEqual(seen, ["/files/a", "/files", "/a", "a"]);
    assert.equal(charged, "10");
  });

  it("a body that a price has read is there for the parser behind", async () => {
    const parsed = app(express.json(), (request, response) => {
      response.json({ got: request.body });
    });
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ mode: "full" }),
    };
    const { text, charged } = await call(parsed, "/mode", init);
    assert.deepEqual([text, charged], ['{"got":{"mode":"full"}}', "10"]);
    const other = await call(parsed, "/mode", {
      ...init,
      headers: { "content-type": "application/json", "idempotency-key": "k" },
    });
    assert.equal(other.text, '{"got":{"mode":"full"}}');
  });

  it("a body that came before Farebox did is read and handed on too", async () => {
    const made = express();
    made.use(async (request, _response, next) => {
      while (!request.complete) await turn();
      next();
    });
    made.use(asExpress(open()), express.json(), (request, response) => {
      response.json(request.body);
    });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"mode":"full"}' };
    const { text, charged } = await call(made, "/mode", init);
    assert.deepEqual([text, charged], ['{"mode":"full"}', "10"]);
  });

  it("a parser before Farebox is named where the price needs the body, and does no harm elsewhere", async () => {
    const made = express();
    made.use(express.json(), asExpress(open()), (request, response) => {
      response.json(request.body);
    });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"mode":"full"}' };
    const needed = await call(made, "/mode", init);
    assert.deepEqual([needed.response.status, needed.charged], [500, "0"]);
    assert.match(failures.at(-1) ?? "", /mount Farebox before the parser/);
    const other = await call(made, "/fixed", init);
    assert.deepEqual([other.text, other.charged], ['{"mode":"full"}', "5"]);
  });
});

describe("what stands before Farebox", () => {
  it("headers that stand before Farebox stay on refusals", async () => {
    const made = express();
    made.use((_request, response, next) => {
      response.setHeader("Access-Control-Allow-Origin", "*");
      next();
    });
    made.use(asExpress(open()), () => assert.fail("it is not admitted"));
    const { response } = await call(made, "/fixed", { headers: { authorization: "Bearer wrong" } });
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
  });
});

describe("what is of one framework", () => {
  it("Express answers HEAD by its handler of GET: charged as HEAD, with the length and no body", async () => {
    const made = express();
    made.use(asExpress(open()));
    made.get("/fixed", (_request, response) => {
      response.send("twelve bytes");
    });
    const { response, text, charged } = await call(made, "/fixed", { method: "HEAD" });
    assert.deepEqual([response.headers.get("content-length"), text, charged], ["12", "", "5"]);
  });

  it("Fastify: its handlers, its errors, and a reply that a handler takes over", async () => {
    const middleware = open();
    const made = Fastify({ serverFactory: serverFactoryOf(middleware) });
    decorateFastify(made, async () => undefined);
    made.get("/counted", (request, reply) => {
      request.farebox.units = 7;
      void reply.send({ fine: true });
    });
    made.get("/fixed", async () => {
      throw new Error("no");
    });
    made.get("/listed", (_request, reply) => {
      reply.hijack();
      reply.raw.end("by hand");
    });
    await made.ready();
    const counted = await call(made.server, "/counted");
    assert.deepEqual([counted.text, counted.charged], ['{"fine":true}', "7"]);
    const url = `http://127.0.0.1:${(made.server.address() as AddressInfo).port}`;
    const headers = { authorization: `Bearer ${counted.account.key}` };
    assert.equal((await fetch(`${url}/fixed`, { headers })).status, 500);
    assert.equal(await (await fetch(`${url}/listed`, { headers })).text(), "by hand");
    assert.equal((await counted.account.books()).charged, "10");
    assert.equal((await made.inject("/counted")).statusCode, 500, "what goes past the server is told so");
  });

  it("Hono: its answers, HEAD, and events as they come", async () => {
    const made = new Hono();
    made.use(provideToHono);
    made.get("/counted", (context) => {
      context.var.farebox.units = 4;
      return context.json({ fine: true });
    });
    made.get("/fixed", (context) =>
      streamSSE(context, async (stream) => {
        for (const data of ["one", "two"]) await stream.writeSSE({ data });
      }),
    );
    const listener = getRequestListener(made.fetch);
    const server = createServerOf(open())((request, response) => void listener(request, response));
    const counted = await call(server, "/counted");
    assert.deepEqual([counted.text, counted.charged], ['{"fine":true}', "4"]);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const headers = { authorization: `Bearer ${counted.account.key}` };
    const events = await fetch(`${url}/fixed`, { headers });
    assert.equal(events.headers.get("credits-charged"), "5");
    assert.equal(await events.text(), "data: one\n\ndata: two\n\n");
    assert.equal((await fetch(`${url}/fixed`, { method: "HEAD", headers })).status, 200);
    assert.equal((await counted.account.books()).charged, "14");
  });
});
