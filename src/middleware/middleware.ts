import type { IncomingMessage, ServerResponse } from "node:http";
import { createForwardRules } from "../exchange/headers/forward-headers.ts";
import { Exchange } from "../exchange/parts/exchange.ts";
import { createExchangeParts, type ExchangeOptions } from "../exchange/parts/exchange-parts.ts";
import { ToldOutcome } from "../exchange/parts/told-outcome.ts";
import type { Upstream } from "../exchange/parts/upstream.ts";
import { endExchange, fail } from "../exchange/response/end-exchange.ts";
import { serve } from "../exchange/serve.ts";
import { UpstreamCall } from "../exchange/upstream/upstream-call.ts";
import { ClientAnswer } from "./client-answer.ts";
import { Connections } from "./connections.ts";
import { FareboxCall } from "./farebox-call.ts";
import type { HandHolds } from "./hand-holds.ts";
import { HandlerCall, type Next } from "./handler-call.ts";
import { clientUrl } from "./handler-request.ts";
import { findMisuse } from "./parsed-before.ts";
import { RequestTap } from "./request-tap.ts";

export type MiddlewareOptions = Omit<ExchangeOptions, "upstreams"> & {
  /** What handlers hold by hand with; undefined: they cannot. */
  readonly holds?: HandHolds;
};

/** Farebox in front of handlers of this process. */
export interface Middleware {
  /** Serves one request; `next` is called once, when it is admitted, with the response captured. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse, next: Next): void;
  /** From now on every answer ends its connection. */
  announceEnd(): void;
  /** Resolves when every exchange is over, within `ms`: its answer sent, its charge settled. New ones are still served. */
  drain(ms: number): Promise<void>;
}

/** A request that came by a server of Node's, and what Farebox tells its handler of it. */
export interface MeteredRequest extends IncomingMessage {
  farebox: FareboxCall;
}

/** The same exchange as the gateway's, with a handler of this process in the place of an upstream. */
export function createMiddleware(options: MiddlewareOptions): Middleware {
  const calls = new WeakMap<Exchange, HandlerCall>();
  const upstream = openUpstream(options, calls);
  const parts = createExchangeParts({ ...options, upstreams: { choose: () => upstream } });
  const connections = new Connections(parts.proxies);
  const underway = new Set<Exchange>();
  let onIdle: (() => void) | undefined;
  const over = (exchange: Exchange): void => {
    connections.end(exchange);
    calls.get(exchange)?.stop();
    underway.delete(exchange);
    if (underway.size === 0) onIdle?.();
  };
  return {
    handle(request, response, next) {
      response.on("error", ignore);
      const tap = new RequestTap(request, clientUrl(request));
      const client = new ClientAnswer(response);
      const exchange = new Exchange(parts, tap, client, over);
      const call = new HandlerCall(request, response, tap, client, next);
      if (!connections.begin(request.socket, exchange, call)) {
        tap.leave();
        return;
      }
      exchange.told = new ToldOutcome();
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      (request as MeteredRequest).farebox = new FareboxCall(exchange, options.holds);
      calls.set(exchange, call);
      underway.add(exchange);
      const misuse = findMisuse(parts.meter, tap);
      if (misuse === undefined) serve(exchange);
      else {
        fail(exchange, misuse);
        endExchange(exchange);
      }
    },
    announceEnd() {
      parts.draining = true;
    },
    async drain(ms) {
      if (underway.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      onIdle = resolve;
      await promise;
      clearTimeout(timer);
    },
  };
}

/** The handlers, as an exchange calls an upstream. */
function openUpstream({ contract }: MiddlewareOptions, calls: WeakMap<Exchange, HandlerCall>): Upstream {
  return {
    name: "handler",
    basePath: "",
    dispatcher: {
      dispatch(dispatched, handler) {
        if (!(handler instanceof UpstreamCall)) throw new TypeError("only exchanges are handled");
        calls.get(handler.exchange)?.run(handler.exchange, dispatched, handler);
        return true;
      },
    },
    rules: createForwardRules(contract.keyHeaders, {}),
    hiddenHeaders: undefined,
    maxCalls: Number.MAX_SAFE_INTEGER,
    calls: 0,
  };
}

function ignore(): void {
  // A client that leaves is told by its connection.
}
