import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Server as NetServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { Exchange } from "../exchange/parts/exchange.ts";
import { serve } from "../exchange/serve.ts";
import { ClientSockets } from "./client-sockets.ts";
import { createGatewayParts, type GatewayOptions, type GatewayParts } from "./gateway-parts.ts";
import { Http2Request } from "./listener/http2-request.ts";
import { Http2Response } from "./listener/http2-response.ts";
import { TlsListener, type TlsListenerOptions } from "./listener/tls-listener.ts";
import { serveUpgrade } from "./upgrade.ts";
import { WorkCount } from "./work-count.ts";

/** Node looks at open connections this often; header and request timeouts are at most this much late. */
const TIMEOUT_CHECK_MS = 1000;

/** Where a gateway can be reached. */
interface GatewayAddress {
  readonly host: string;
  readonly port: number;
}

/** The reverse proxy. */
export interface Gateway {
  /** Uses what the files of its certificate hold now. It looks by itself every few seconds. */
  reloadCertificate(): void;
  /** Begins to accept connections; port 0 takes a free one. Rejects when the address is taken. */
  listen(host: string, port: number): Promise<GatewayAddress>;
  /** Serves a connection that another process has accepted and not read, whether this one listens or not. */
  accept(socket: Socket): void;
  /**
   * Says that the end is near: from now on every answer ends its connection, so that clients and load balancers open others,
   * and new connections are still taken. Resolves after `drainDelay`, or when closing begins.
   */
  announceEnd(): Promise<void>;
  /**
   * Stops accepting, lets requests under way finish and settle within `drainMs`, then cuts what is left. The meter is
   * to be closed after it.
   */
  close(): Promise<void>;
}

/** Builds the gateway; it listens when told to. Throws FareboxError `certificate_invalid`. */
export function createGateway(options: GatewayOptions): Gateway {
  const parts = createGatewayParts(options);
  const sockets = new ClientSockets(parts);
  const work = new WorkCount();
  const closing = new AbortController();
  const ending = closing.signal;
  const server = openServer(parts);
  // Closing does it first.
  server.closeIdleConnections = () => sockets.closeIdle();
  sockets.attach(server, parts.config.gateway.tls !== undefined);
  const over = (exchange: Exchange): void => {
    sockets.end(exchange, ending.aborted);
    work.end();
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const exchange = new Exchange(parts, request, response, over);
    // A request that breaks while its body arrives reports it here too; the step that reads it has been told.
    request.on("error", ignore);
    response.on("error", ignore);
    if (!sockets.begin(exchange)) {
      request.resume();
      return;
    }
    work.begin();
    serve(exchange);
  };
  server.on("request", onRequest);
  // With these two Node neither answers `100 Continue` before we want the body nor 417 in words of its own.
  server.on("checkContinue", onRequest);
  server.on("checkExpectation", onRequest);
  const onUpgrade = (request: IncomingMessage, _socket: Duplex, first: Buffer): void => {
    work.begin();
    void serveUpgrade(parts, request, first).finally(() => work.end());
  };
  server.on("upgrade", onUpgrade);
  server.on("connect", onUpgrade);
  const onStream: TlsListenerOptions["serveStream"] = (session, stream, raw, isEnded) => {
    const request = new Http2Request(stream, raw, isEnded);
    const exchange = new Exchange(parts, request, new Http2Response(stream, request.method), over);
    request.on("error", ignore);
    stream.on("error", ignore);
    sockets.beginStream(exchange, session, stream);
    work.begin();
    serve(exchange);
  };
  const front = openFront(parts, server, sockets, onStream);
  return {
    listen: (host, port) => listen(front?.server ?? server, host, port),
    accept: (socket) => accept(front?.server ?? server, socket, work, ending),
    reloadCertificate: () => front?.reload(),
    announceEnd() {
      parts.draining = true;
      front?.announceEnd();
      return pause(parts.config.gateway.drainDelayMs, ending);
    },
    close() {
      closing.abort();
      return close(server, front, parts, work);
    },
  };
}

/** Undefined: clients come without TLS, to the server itself. Throws FareboxError `certificate_invalid`. */
function openFront(
  parts: GatewayParts,
  http1: Server,
  sockets: ClientSockets,
  serveStream: TlsListenerOptions["serveStream"],
): TlsListener | undefined {
  const { gateway: limits } = parts.config;
  if (limits.tls === undefined) return undefined;
  return new TlsListener({
    tls: limits.tls,
    limits,
    events: parts.events,
    http1,
    admit: (socket) => sockets.admit(socket),
    serveSession: (session, socket) => sockets.openSession(session, socket),
    serveStream,
  });
}

function openServer(parts: GatewayParts): Server {
  const limits = parts.config.gateway;
  const server = createServer({
    insecureHTTPParser: false,
    // The guard answers in the contract's words.
    requireHostHeader: false,
    joinDuplicateHeaders: false,
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    keepAliveTimeout: limits.idleSocketMs,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    noDelay: true,
  });
  // Node cuts a longer list silently: one more than we allow shows that there was more.
  server.maxHeadersCount = limits.maxHeaderCount + 1;
  // Node starts its time limits when it believes that it listens. Connections may come from a TLS listener or from another process.
  server.emit("listening");
  return server;
}

function listen(server: NetServer, host: string, port: number): Promise<GatewayAddress> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      if (address === null || typeof address === "string") throw new TypeError("a TCP server has a port");
      resolve({ host: address.address, port: address.port });
    });
  });
}

function accept(server: NetServer, socket: Socket, work: WorkCount, ending: AbortSignal): void {
  if (ending.aborted) {
    socket.destroy();
    return;
  }
  // As a server's own connections: what is left to write when the client has sent its last byte is written.
  socket.allowHalfOpen = true;
  // The server does not count it among its own, whose ends it waits for.
  work.begin();
  socket.once("close", () => work.end());
  server.emit("connection", socket);
}

async function close(
  server: Server,
  front: TlsListener | undefined,
  parts: GatewayParts,
  work: WorkCount,
): Promise<void> {
  parts.draining = true;
  const closed = new Promise<void>((resolve) => {
    if (front === undefined) server.close(() => resolve());
    else front.close(resolve);
  });
  await within(parts.config.gateway.drainMs, Promise.all([closed, work.ended()]));
  server.closeAllConnections();
  front?.destroy();
  for (const socket of parts.tunnels) socket.destroy();
  await parts.upstreams.destroy();
  await within(parts.config.gateway.drainMs, Promise.all([closed, work.ended()]));
}

/** A connection that is idle meanwhile is not cut: its next request may be under way. */
async function pause(ms: number, until: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal: until, ref: false }).catch(ignore);
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

function ignore(): void {
  // Told where it matters: see the listeners of the steps.
}
