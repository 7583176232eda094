import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { MeteredRequest, Middleware } from "./middleware.ts";

/** A handler of node:http behind Farebox. What it throws, at once or later, is a failure of its call: free, and answered 502. */
export type NodeHandler = (request: MeteredRequest, response: ServerResponse) => unknown;

/** Puts Farebox before a handler: every request of the server goes through it. */
export function beforeHandler(middleware: Middleware, handler: NodeHandler): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    middleware.handle(request, response, () => handler(request as MeteredRequest, response));
  };
}

/** The request as its handler got it, where it came through Farebox. */
export function isMetered(request: IncomingMessage): request is MeteredRequest {
  return "farebox" in request;
}
