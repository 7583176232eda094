import { ServerResponse } from "node:http";

/** What a handler calls to answer, as whoever stood before us in the chain has left it: compression may have put its own there. */
export type ResponseMethods = Pick<ServerResponse, (typeof METHODS)[number]>;

/** Everything that a handler may call on its response and that must not reach the client by itself. */
const METHODS = [
  "setHeader",
  "setHeaders",
  "appendHeader",
  "getHeader",
  "getHeaders",
  "getHeaderNames",
  "hasHeader",
  "removeHeader",
  "writeHead",
  "flushHeaders",
  "write",
  "end",
  "destroy",
  "writeContinue",
  "writeProcessing",
  "writeEarlyHints",
  "addTrailers",
  "on",
  "addListener",
  "once",
  "prependListener",
  "prependOnceListener",
  "off",
  "removeListener",
] as const;

/** The methods as they are now, each to be called on the response itself. */
export function methodsOf(response: ServerResponse): ResponseMethods {
  const methods: Record<string, unknown> = {};
  for (const name of METHODS) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const method: (...args: unknown[]) => unknown = response[name] as never;
    methods[name] = (...args: unknown[]): unknown => method.apply(response, args);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return methods as unknown as ResponseMethods;
}

/** Names in the spelling in which they were set. Node's types know it of requests only. */
export function rawHeaderNames(response: ServerResponse): string[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const read = Reflect.get(ServerResponse.prototype, "getRawHeaderNames") as () => string[];
  return read.call(response);
}

/** Nobody has put a method of his own before Node's. */
export function isPristine(response: ServerResponse): boolean {
  return response.writeHead === ServerResponse.prototype.writeHead;
}
