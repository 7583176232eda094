import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { send } from "./call.ts";

/** What the upstream was asked, and what it answered to the byte. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** What the request said. */
  readonly content: Buffer;
  readonly status: number;
  /** What was answered. */
  readonly body: Buffer;
}

/** An answer that the upstream itself would not give: a fault, or an endpoint that the example does not have. */
interface ScriptedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Stands before an upstream, or before the gateway, and writes down every exchange. */
export interface Recorder {
  readonly url: string;
  readonly exchanges: readonly Exchange[];
  /** The next request is answered with this instead of by the upstream. */
  answerNext(answer: ScriptedAnswer): void;
  /** From now on requests wait, until the function that is returned is called. */
  hold(): () => void;
  /** What the upstream answered last. */
  last(): Exchange;
  close(): Promise<void>;
}

/** Headers of one connection, which the recorder must not hand on to the other. */
const OF_THE_CONNECTION = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "host",
  "content-length",
]);

/** `tls`: it listens on HTTPS, with this certificate. */
export async function startRecorder(
  upstream: string,
  tls?: { readonly cert: string; readonly key: string },
): Promise<Recorder> {
  const exchanges: Exchange[] = [];
  const scripted: ScriptedAnswer[] = [];
  let held: Promise<void> = Promise.resolve();
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const [path, method] = [incoming.url ?? "/", incoming.method ?? "GET"];
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    await held;
    const content = Buffer.concat(parts);
    const script = scripted.shift();
    const answer =
      script === undefined
        ? await forward(upstream, incoming, content)
        : { status: script.status, headers: { ...script.headers }, body: Buffer.from(script.body ?? "") };
    exchanges.push({
      method,
      path,
      headers: incoming.headers,
      content,
      status: answer.status,
      body: answer.body,
    });
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
  };
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges,
    answerNext: (answer) => void scripted.push(answer),
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    last() {
      const exchange = exchanges.at(-1);
      if (exchange === undefined) throw new Error("the upstream was not asked anything");
      return exchange;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function forward(upstream: string, incoming: IncomingMessage, body: Buffer) {
  const headers = withoutConnection(incoming.headers);
  const call = { method: incoming.method ?? "GET", headers, body: body.byteLength === 0 ? undefined : body };
  const answer = await send(upstream, incoming.url ?? "/", call);
  return { status: answer.status, headers: withoutConnection(answer.headers), body: answer.bytes };
}

function withoutConnection(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !OF_THE_CONNECTION.has(name))
      .map(([name, value]) => [name, String(value)]),
  );
}
