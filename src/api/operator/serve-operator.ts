import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { watchRequests } from "../../http/watch-requests.ts";
import { answerBroken, answerUnaddressed } from "./answer-broken.ts";
import type { OperatorApp } from "./operator-env.ts";

/** A listening operator API. */
export interface OperatorServer {
  /** `http://127.0.0.1:8401`, with the port that was really taken. */
  readonly url: string;
  /** Requests under way are answered; idle connections are closed. */
  close(): Promise<void>;
}

/** What a client may take its time with, in milliseconds. */
interface ClientPatience {
  /** Until the head of a request is there. */
  readonly headersTimeout: number;
  /** Until all of it is there. */
  readonly requestTimeout: number;
  /** How often Node looks at that: a time-out is late by at most this. */
  readonly connectionsCheckingInterval: number;
}

/** Requests are small: a client that stops sending is cut off. */
const PATIENCE: ClientPatience = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
};

const LIMITS = { keepAliveTimeout: 5_000, maxHeaderSize: 16_384 };

/** Connections at once: operators, their tools, and a scraper of metrics. */
const MAX_CONNECTIONS = 200;

/** How long requests under way may take once closing has begun. */
const CLOSE_MS = 5_000;

/** Listens. Rejects as `listen` does, for instance when the port is taken. */
export async function serveOperator(
  app: OperatorApp,
  listen: { readonly host: string; readonly port: number },
  patience = PATIENCE,
): Promise<OperatorServer> {
  const handle = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    // HTTP/1.0 has no `Host`, and no operation looks at it.
    hostname: "localhost",
    errorHandler: answerUnaddressed,
  });
  const listener: RequestListener = (incoming, outgoing) => void handle(incoming, outgoing);
  const server = createServer({ ...LIMITS, ...patience }, listener);
  const close = watchRequests(server);
  server.on("clientError", answerBroken);
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(listen.port, listen.host);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : listen.port;
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  return {
    url: `http://${host}:${port}`,
    close: () => close(CLOSE_MS),
  };
}
