import { STATUS_CODES } from "node:http";
import type { RenderedAnswer } from "../../contract/contract.ts";
import type { Refusal } from "../../domain/refusal.ts";
import { joinChunks, sizeOf } from "../body/chunks.ts";
import { inPieces, isSentAtOnce } from "../body/turns.ts";
import { type HeaderList, withLength } from "../headers/response-headers.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import type { Exchange } from "../parts/exchange.ts";
import { planForUnread } from "./unread-body.ts";

/** Answers with a refusal, as the contract words it. */
export function refuse(exchange: Exchange, refusal: Refusal): void {
  exchange.refusal = refusal;
  answer(exchange, exchange.parts.contract.renderRefusal(refusal, exchange.context));
}

/** Sends a rendered answer whole. */
export function answer(exchange: Exchange, rendered: RenderedAnswer): void {
  const body = Buffer.from(rendered.body);
  const headers = rendered.headers.flat();
  headers.push("Content-Length", String(body.length));
  addRateHeaders(exchange, headers);
  sendWhole(exchange, rendered.status, undefined, headers, [body]);
}

/**
 * Sends a body part by part, no faster than the client takes it. The first part is there before the head is sent: what
 * fails until then is answered, what fails later ends the connection, so that the client sees that its answer is cut.
 */
export async function answerInParts(
  exchange: Exchange,
  head: Pick<RenderedAnswer, "status" | "headers">,
  body: AsyncIterable<string | Uint8Array>,
): Promise<void> {
  const { response } = exchange;
  const parts = body[Symbol.asyncIterator]();
  try {
    let part = await parts.next();
    const headers = head.headers.flat();
    addRateHeaders(exchange, headers);
    if (!sendHead(exchange, head.status, undefined, headers)) return;
    while (part.done !== true && exchange.method !== "HEAD" && !exchange.clientGone) {
      if (!response.write(part.value)) await drained(exchange);
      part = await parts.next();
    }
    response.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    exchange.parts.events.failed(exchange.requestId, error);
    response.destroy();
  } finally {
    await parts.return?.();
  }
}

/** Resolves when the client has taken what was written, or has gone. */
function drained({ response, clientGone }: Exchange): Promise<void> {
  if (clientGone || response.destroyed || !response.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

/**
 * Sends head and body, a small one in one write, a large one in the next turns of the event loop. `headers` must hold the body's `Content-Length`, except for answers that have no
 * body. Does nothing when the client has gone.
 */
export function sendWhole(
  exchange: Exchange,
  status: number,
  statusText: string | undefined,
  headers: HeaderList,
  body: readonly Buffer[],
): void {
  if (!sendHead(exchange, status, statusText, headers)) return;
  if (sizeOf(body) === 0 || exchange.method === "HEAD") exchange.response.end();
  else if (isSentAtOnce(body)) exchange.response.end(joinChunks(body));
  else exchange.sending = sendInPieces(exchange, body);
}

/** Not held up by a client that reads slowly: what it does not take waits in memory, as the body does. */
async function sendInPieces(exchange: Exchange, body: readonly Buffer[]): Promise<void> {
  const { response } = exchange;
  for await (const piece of inPieces(body)) {
    if (exchange.clientGone || response.destroyed) return;
    response.write(piece);
  }
  response.end();
}

/** Sends the upstream's answer, with its headers as they are to leave and their length fixed. */
export function sendUpstreamBody(exchange: Exchange, head: UpstreamHead, body: readonly Buffer[]): void {
  const { headers, bodiless } = head;
  const length = sizeOf(body);
  if (!bodiless && head.length !== length) withLength(headers, length);
  addRateHeaders(exchange, headers);
  sendWhole(exchange, head.status, head.statusText, headers, bodiless ? [] : body);
}

/** Queues the head; it leaves with the first bytes of the body. False when the client has gone. */
export function sendHead(
  exchange: Exchange,
  status: number,
  statusText: string | undefined,
  headers: HeaderList,
): boolean {
  const { response, parts, head } = exchange;
  if (exchange.clientGone || response.headersSent || response.destroyed) return false;
  headers.push("X-Request-Id", exchange.requestId);
  if (parts.cors !== undefined) parts.cors.extend(headers, exchange.header("origin"));
  // A head that was refused may end elsewhere than Node thinks.
  if (parts.draining || head === undefined) response.shouldKeepAlive = false;
  planForUnread(exchange);
  if (exchange.connection !== undefined && !response.shouldKeepAlive) exchange.connection.isClosing = true;
  response.writeHead(status, statusText ?? STATUS_CODES[status] ?? "", headers);
  return true;
}

/** Headers about limits and the account that the answer does not carry yet. */
export function addRateHeaders(exchange: Exchange, headers: HeaderList): void {
  addMissing(exchange.rateHeaders, headers);
  if (exchange.answeredHeaders.length > 0) addMissing(exchange.answeredHeaders, headers);
}

function addMissing(added: readonly (readonly [string, string])[], headers: HeaderList): void {
  for (const [name, value] of added) {
    const lower = name.toLowerCase();
    if (!headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === lower)) headers.push(name, value);
  }
}
