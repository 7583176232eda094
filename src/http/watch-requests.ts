import { once } from "node:events";
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Watches the requests of a server that does not listen yet. Returns what closes it: a connection ends with the request that is
 * under way on it, one that waits for a request ends at once, and what is left after so many ms is cut. Node's own `close` leaves a
 * connection open for the next request, which clients that keep connections send, until they are cut in the middle of one.
 * RFC 9112 section 9.6: the server says `Connection: close` in the last answer.
 */
export function watchRequests(server: Server): (withinMs: number) => Promise<void> {
  const answering = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  let isClosing = false;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("request", (_request, response: ServerResponse) => {
    if (isClosing) endConnection(response);
    answering.add(response);
    response.once("close", () => {
      answering.delete(response);
      // Of an answer whose head had left before.
      if (isClosing) server.closeIdleConnections();
    });
  });
  return async (withinMs) => {
    isClosing = true;
    for (const response of answering) endConnection(response);
    const closed = once(server, "close");
    server.close();
    server.closeIdleConnections();
    // Browsers and pools open connections before they need them; Node counts one without a request as busy.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    const cut = setTimeout(() => server.closeAllConnections(), withinMs);
    await closed;
    clearTimeout(cut);
  };
}

function endConnection(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("Connection", "close");
}
