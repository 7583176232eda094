import type { Socket } from "node:net";
import type { ClientRequest } from "../parts/client-message.ts";
import type { Exchange } from "../parts/exchange.ts";

/** A body of at most this length is read to its end behind an early answer, and the connection kept. As Go's server does. */
const MAX_DRAINED_BYTES = 256 * 1024;
/** How long the rest of a longer one may keep arriving behind an answer that says `Connection: close`. */
const LINGER_MS = 2000;

/**
 * What becomes of the connection when an answer leaves before the request's body is here; called before the head is sent. What the
 * answer says of the connection must hold: one that is kept is never cut on the client's next request, and one that is closed is
 * closed so that the client can read the answer first.
 *
 * A body that is known to be short is dropped as it arrives, and the connection serves the next request. Behind any other the
 * connection is closed. A client that waits for `100 Continue` may or may not send its body: what follows cannot be told apart.
 */
export function planForUnread(exchange: Exchange): void {
  const { request, response, head, connection } = exchange;
  // A stream that is not read to its end is reset behind its answer, and its connection goes on.
  if (request.socket === undefined) return;
  // An upgrade has its connection for itself, and no body.
  if (connection === undefined || request.complete || head?.bodyLength === 0) return;
  const isWaiting = head?.expectsContinue === true && !request.readableDidRead;
  const isShort = typeof head?.bodyLength === "number" && head.bodyLength <= MAX_DRAINED_BYTES;
  if (isWaiting || !isShort) response.shouldKeepAlive = false;
  if (!response.shouldKeepAlive) closeBehind(request.socket, request);
  connection.isReceiving = true;
  request.once("end", () => {
    connection.isReceiving = false;
  });
  // Until then a step may still read it: an upstream can answer while it receives.
  response.once("finish", () => drop(request));
}

/** Whoever read the body has left it in some state of pausing; with a listener for its data it flows. */
function drop(request: ClientRequest): void {
  request.on("data", ignore);
  request.resume();
}

/** Node ends such a connection with `destroySoon` as soon as the answer is written; unread bytes would make that a reset. */
function closeBehind(socket: Socket, request: ClientRequest): void {
  const close = socket.destroySoon.bind(socket);
  socket.destroySoon = () => {
    if (request.complete) close();
    else linger(socket, request, close);
  };
}

/** The client gets the answer and the end; what it still sends is dropped until it has noticed. */
function linger(socket: Socket, request: ClientRequest, close: () => void): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  request.once("end", close);
  socket.once("close", () => clearTimeout(timer));
}

function ignore(): void {
  // Nobody wants it.
}
