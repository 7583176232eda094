import { RawClient } from "../../src/gateway/testing/raw-client.ts";
import type { RawResponse } from "../../src/gateway/testing/test-client.ts";

const LAST_CHUNK = "0\r\n\r\n";

/** A request without its framing. */
export interface Plain {
  readonly method: string;
  readonly path: string;
  /** Header lines. */
  readonly headers: readonly string[];
  /** JSON text; `""`: none. */
  readonly body: string;
}

/** How a body can arrive. `whole`: all of it does, so that a right request succeeds. */
interface BodyShape {
  readonly name: string;
  readonly whole: boolean;
  /** Sends the request. */
  send(client: RawClient, request: Plain): void | Promise<void>;
}

/** Every way in which HTTP/1 frames a body, and those in which one stops. */
export const BODY_SHAPES: readonly BodyShape[] = [
  {
    name: "chunked",
    whole: true,
    send: (client, request) => {
      client.write(inChunks(request));
      client.write(LAST_CHUNK);
    },
  },
  {
    name: "chunked, with nothing in it",
    whole: false,
    send: (client, request) => client.write(`${head(request, ["Transfer-Encoding: chunked"])}${LAST_CHUNK}`),
  },
  {
    name: "of length 0",
    whole: false,
    send: (client, request) => client.write(head(request, ["Content-Length: 0"])),
  },
  { name: "not there", whole: false, send: (client, request) => client.write(head(request, [])) },
  {
    name: "on HTTP/1.0",
    whole: true,
    send: (client, request) => client.write(withLength(request, "1.0")),
  },
  {
    name: "on HTTP/1.0, chunked",
    whole: false,
    send: (client, request) =>
      client.write(`${head(request, ["Transfer-Encoding: chunked"], "1.0")}${LAST_CHUNK}`),
  },
  {
    name: "after 100 Continue",
    whole: true,
    send: async (client, request) => {
      client.write(head(request, ["Expect: 100-continue", lengthOf(request)]));
      await client.until((received) => received.includes("\r\n\r\n"));
      client.write(request.body);
    },
  },
  {
    name: "with an expectation that nobody knows",
    whole: false,
    send: (client, request) => client.write(withLength(request, "1.1", ["Expect: the-unexpected"])),
  },
];

/** Bodies of which a part never comes. The listener must give them up by itself. */
export const STOPPED_SHAPES: readonly BodyShape[] = [
  {
    name: "with its length, stopped",
    whole: false,
    send: (client, request) => client.write(`${head(request, ["Content-Length: 1000"])}{`),
  },
  {
    name: "chunked, stopped in a chunk",
    whole: false,
    send: (client, request) =>
      client.write(`${head(request, ["Transfer-Encoding: chunked"])}40\r\n${request.body.slice(0, 1)}`),
  },
  {
    name: "chunked, without its end",
    whole: false,
    send: (client, request) => client.write(inChunks(request)),
  },
  {
    name: "after 100 Continue, never sent",
    whole: false,
    send: (client, request) => client.write(head(request, ["Expect: 100-continue", "Content-Length: 1000"])),
  },
  {
    name: "on HTTP/1.0, stopped",
    whole: false,
    send: (client, request) => client.write(`${head(request, ["Content-Length: 1000"], "1.0")}{`),
  },
];

/** Sends it and waits for the answer; undefined when the listener closed the connection without one. */
export async function sendShaped(
  port: number,
  request: Plain,
  shape: BodyShape,
): Promise<RawResponse | undefined> {
  const client = new RawClient(port);
  try {
    await shape.send(client, request);
    await client.until((received) => received.length > 0);
    return await client.response(request.method === "HEAD");
  } catch (error) {
    await client.closed();
    if (client.received.length > 0) throw error;
    return undefined;
  } finally {
    client.leave();
  }
}

function head(request: Plain, more: readonly string[], version = "1.1"): string {
  const { method, path, headers, body } = request;
  const lines = [`${method} ${path} HTTP/${version}`, ...headers, ...more];
  // HTTP/1.0 knows no Host.
  if (version === "1.1") lines.push("Host: api.example");
  if (body !== "") lines.push("Content-Type: application/json");
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function lengthOf({ body }: Plain): string {
  return `Content-Length: ${Buffer.byteLength(body)}`;
}

function withLength(request: Plain, version = "1.1", more: readonly string[] = []): string {
  return head(request, [lengthOf(request), ...more], version) + request.body;
}

/** Without the last chunk. Two chunks, where the body is long enough: few clients send one. */
function inChunks(request: Plain): string {
  const middle = Math.ceil(request.body.length / 2);
  const parts = [request.body.slice(0, middle), request.body.slice(middle)].filter((part) => part !== "");
  const chunks = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
  return head(request, ["Transfer-Encoding: chunked"]) + chunks.join("");
}
