import { type IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import type { Refusal } from "../domain/refusal.ts";
import { Exchange } from "./exchange/exchange.ts";
import type { GatewayParts } from "./exchange/gateway-parts.ts";
import type { Upstream } from "./exchange/upstreams.ts";
import { authenticate, findRoute, limitRate } from "./request/identify.ts";
import { inspectRequest } from "./request/inspect-request.ts";
import { fail, report } from "./response/end-exchange.ts";
import { refuse } from "./response/respond.ts";
import { joinTunnel } from "./tunnel.ts";
import { chooseUpstream, forwardedHeaders } from "./upstream/forward.ts";
import { faultCode, upstreamRefusal } from "./upstream/upstream-fault.ts";

const PROTOCOL = /^[A-Za-z0-9][\w./-]*$/;

/**
 * Serves `Upgrade` and `CONNECT`. What passes a tunnel cannot be priced, so priced routes and CONNECT refuse it; on
 * unpriced routes the connection is handed through once the sender is known and within its limits. Never rejects.
 */
export async function serveUpgrade(
  parts: GatewayParts,
  request: IncomingMessage,
  first: Buffer,
): Promise<void> {
  const response = new ServerResponse(request);
  response.assignSocket(request.socket);
  response.shouldKeepAlive = false;
  response.on("finish", () => request.socket.destroySoon());
  request.socket.on("error", () => request.socket.destroy());
  const exchange = new Exchange(parts, request, response);
  try {
    const upstream = await admitUpgrade(exchange);
    if ("code" in upstream) refuse(exchange, upstream);
    else await openTunnel(exchange, upstream, first);
  } catch (error) {
    fail(exchange, error);
  }
  report(exchange);
}

async function admitUpgrade(exchange: Exchange): Promise<Upstream | Refusal> {
  if (exchange.method === "CONNECT") return { code: "upgrade_refused" };
  const refusal = inspectRequest(exchange);
  if (refusal !== undefined) return refusal;
  const { head, target, parts } = exchange;
  if (target === undefined || head?.bodyLength !== 0) return { code: "upgrade_refused" };
  // What Farebox answers itself is never forwarded, by no route.
  const isOwn = parts.accountEndpoints?.covers(target.path) ?? false;
  if (isOwn || parts.contract.findEndpoint(exchange.method, target.path) !== undefined) {
    return { code: "upgrade_refused" };
  }
  if (parts.openRoutes.find(exchange.method, target.path) === undefined) {
    const refused = (await authenticate(exchange, target.path)) ?? findRoute(exchange, target.path);
    if (refused !== undefined) return refused;
    if (exchange.route?.priced === true) return { code: "upgrade_refused" };
    const limited = limitRate(exchange, target.path);
    if (limited !== undefined) return limited;
  }
  return chooseUpstream(exchange, target);
}

function openTunnel(exchange: Exchange, upstream: Upstream, first: Buffer): Promise<void> {
  const { head, target, request, parts } = exchange;
  const upgrade = request.headers.upgrade ?? "";
  if (head === undefined || target === undefined || !PROTOCOL.test(upgrade)) {
    refuse(exchange, { code: "upgrade_refused" });
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {
        // undici requires it; a client that leaves now is noticed when its tunnel opens.
      },
      onRequestUpgrade(controller, status, _headers, remote) {
        exchange.upstreamStatus = status;
        const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : [];
        exchange.response.detachSocket(request.socket);
        void joinTunnel(parts, { client: request.socket, first, remote, status, raw, upgrade }).then(resolve);
      },
      onResponseStart(controller, status) {
        if (status < 200) return;
        refuse(exchange, { code: "upgrade_refused" });
        controller.abort(new Error("the upstream does not switch protocols"));
      },
      onResponseError(_controller, error) {
        if (!exchange.response.headersSent) refuse(exchange, upstreamRefusal(error, false));
        parts.events.upstreamFailed({
          requestId: exchange.requestId,
          upstream: upstream.name,
          code: faultCode(error),
          reason: "the connection was not switched",
        });
        resolve();
      },
    };
    const path = upstream.basePath + target.path + target.query;
    const headers = forwardedHeaders(exchange, upstream, head);
    upstream.pool.dispatch({ path, method: "GET", headers, upgrade }, handler);
  });
}
