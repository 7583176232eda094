import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Refusal } from "../domain/refusal.ts";
import { createRequestId } from "../exchange/headers/request-id.ts";
import type { ExchangeParts } from "../exchange/parts/exchange-parts.ts";

/** Answers where there is no request to answer to (bytes that are no HTTP, too many connections) and ends the connection. */
export function answerRaw(parts: ExchangeParts, socket: Socket, refusal: Refusal): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const nowMs = parts.clock.unixMs();
  const requestId = createRequestId(nowMs);
  const rendered = parts.contract.renderRefusal(refusal, { requestId, endpoint: undefined, nowMs });
  // The request's origin is not known: only what is told to all can be told.
  const headers: string[] = [];
  parts.cors?.extend(headers, undefined);
  const lines = [
    `HTTP/1.1 ${rendered.status} ${STATUS_CODES[rendered.status] ?? ""}`,
    ...rendered.headers.map(([name, value]) => `${name}: ${value}`),
    ...headers.flatMap((text, i) => (i % 2 === 0 ? [`${text}: ${headers[i + 1] ?? ""}`] : [])),
    `Content-Length: ${Buffer.byteLength(rendered.body)}`,
    `X-Request-Id: ${requestId}`,
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${rendered.body}`);
  // Whatever else arrives is not read; the peer gets the answer and then the end.
  socket.once("finish", () => socket.destroySoon());
}
