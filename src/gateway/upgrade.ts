import { type IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import type { Refusal } from "../domain/refusal.ts";
import { identifySender } from "../exchange/identify-sender.ts";
import { Exchange } from "../exchange/parts/exchange.ts";
import type { ExchangeParts } from "../exchange/parts/exchange-parts.ts";
import type { Upstream } from "../exchange/parts/upstream.ts";
import { authenticate, findRoute, limitRate } from "../exchange/request/identify.ts";
import { inspectRequest } from "../exchange/request/inspect-request.ts";
import { fail, report } from "../exchange/response/end-exchange.ts";
import { refuse } from "../exchange/response/respond.ts";
import { chooseUpstream, forwardedHeaders } from "../exchange/upstream/forward.ts";
import { faultCode, upstreamRefusal } from "../exchange/upstream/upstream-fault.ts";
import type { GatewayParts } from "./gateway-parts.ts";
import { joinTunnel } from "./tunnel.ts";

/** The nonce of RFC 6455 §4.1: 16 bytes. */
const WEBSOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * Serves `Upgrade` and `CONNECT`. What passes a tunnel cannot be priced: a WebSocket is handed through on unpriced routes once
 * the sender is known and within its limits, and everything else is refused. `h2c` above all: requests would pass behind it
 * that nobody prices. Never rejects.
 */
export async function serveUpgrade(
  parts: GatewayParts,
  request: IncomingMessage,
  first: Buffer,
): Promise<void> {
  const response = new ServerResponse(request);
  try {
    response.assignSocket(request.socket);
  } catch {
    // An answer is under way on this connection: the upgrade was pipelined behind its request, and cannot be answered in turn.
    request.socket.destroy();
    return;
  }
  response.shouldKeepAlive = false;
  response.on("finish", () => request.socket.destroySoon());
  request.socket.on("error", () => request.socket.destroy());
  const exchange = new Exchange(parts, request, response);
  try {
    const upstream = await admitUpgrade(exchange, request);
    if ("code" in upstream) refuse(exchange, upstream);
    else await openTunnel(exchange, parts, upstream, { request, response, first });
  } catch (error) {
    fail(exchange, error);
  }
  report(exchange);
}

async function admitUpgrade(exchange: Exchange, request: IncomingMessage): Promise<Upstream | Refusal> {
  if (exchange.method === "CONNECT") return { code: "upgrade_refused" };
  const refusal = inspectRequest(exchange) ?? identifySender(exchange);
  if (refusal !== undefined) return refusal;
  const { head, target, parts } = exchange;
  if (target === undefined || head?.bodyLength !== 0) return { code: "upgrade_refused" };
  if (!isWebSocket(request) || isOwn(parts, target.path)) return { code: "upgrade_refused" };
  if (parts.openRoutes.find(exchange.method, target.path) === undefined) {
    const refused = (await authenticate(exchange, target.path)) ?? findRoute(exchange, target.path);
    if (refused !== undefined) return refused;
    if (exchange.route?.priced === true) return { code: "upgrade_refused" };
    const limited = await limitRate(exchange, target.path);
    if (limited !== undefined) return limited;
  }
  return chooseUpstream(exchange, target);
}

/**
 * The client's handshake (RFC 6455 §4.1), and nothing beside it. It is always a GET: that is what is forwarded, so another method
 * would be priced as one request and run as another.
 */
function isWebSocket({ method, httpVersion, headers }: IncomingMessage): boolean {
  return (
    method === "GET" &&
    httpVersion === "1.1" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    WEBSOCKET_KEY.test(headers["sec-websocket-key"] ?? "") &&
    headers["sec-websocket-version"] === "13"
  );
}

/** What Farebox answers itself is never forwarded, by no route. */
function isOwn(parts: ExchangeParts, path: string): boolean {
  return (
    parts.accountEndpoints?.covers(path) === true ||
    parts.exports?.find("GET", path) !== undefined ||
    parts.contract.findEndpoint("GET", path) !== undefined
  );
}

function switchesToWebSocket(raw: readonly (Buffer | string)[]): boolean {
  const texts = raw.map((text) => text.toString().toLowerCase());
  const protocols = texts.filter((_text, i) => i % 2 === 1 && texts[i - 1] === "upgrade");
  return protocols.length === 1 && protocols[0]?.trim() === "websocket";
}

interface Client {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly first: Buffer;
}

function openTunnel(
  exchange: Exchange,
  parts: GatewayParts,
  upstream: Upstream,
  { request, response, first }: Client,
): Promise<void> {
  const { head, target } = exchange;
  if (head === undefined || target === undefined) throw new TypeError("the request was not inspected");
  return new Promise((resolve) => {
    const failed = (refusal: Refusal, code: string): void => {
      if (!exchange.response.headersSent) refuse(exchange, refusal);
      const reason = "the connection was not switched";
      parts.events.upstreamFailed({ requestId: exchange.requestId, upstream: upstream.name, code, reason });
      resolve();
    };
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {
        // undici requires it; a client that leaves now is noticed when its tunnel opens.
      },
      onRequestUpgrade(controller, status, _headers, remote) {
        exchange.upstreamStatus = status;
        const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : [];
        if (!switchesToWebSocket(raw)) {
          remote.destroy();
          failed(
            { code: "upstream_invalid", reason: "the upstream switched to another protocol" },
            "protocol",
          );
          return;
        }
        response.detachSocket(request.socket);
        void joinTunnel(parts, { client: request.socket, first, remote, status, raw }).then(resolve);
      },
      onResponseStart(controller, status) {
        if (status < 200) return;
        refuse(exchange, { code: "upgrade_refused" });
        controller.abort(new Error("the upstream does not switch protocols"));
      },
      onResponseError(_controller, error) {
        failed(upstreamRefusal(error, false), faultCode(error));
      },
    };
    const path = upstream.basePath + target.path + target.query;
    const headers = forwardedHeaders(exchange, upstream, head);
    upstream.dispatcher.dispatch({ path, method: "GET", headers, upgrade: "websocket" }, handler);
  });
}
