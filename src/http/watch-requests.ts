import { once } from "node:events";
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** What a connection is at. */
interface Use {
  /** Answers that have not left whole. */
  readonly answering: Set<ServerResponse>;
  /** Bytes that had come when the last answer had left: more are the beginning of another request. */
  bytesAtEnd: number;
}

/**
 * Watches the requests of a server that does not listen yet. Returns what closes it: a connection ends with the request that is
 * under way on it, one that waits for a request ends at once, and what is left after so many ms is cut. Node's own `close` leaves a
 * connection open for the next request, which clients that keep connections send, until they are cut in the middle of one; and it cuts
 * an answer that its client has not read yet.
 * RFC 9112 section 9.6: the server says `Connection: close` in the last answer.
 */
export function watchRequests(server: Server): (withinMs: number) => Promise<void> {
  const uses = new Map<Socket, Use>();
  let isClosing = false;
  server.closeIdleConnections = () => {
    for (const [socket, { answering, bytesAtEnd }] of uses) {
      if (answering.size === 0 && socket.bytesRead === bytesAtEnd) socket.destroySoon();
    }
  };
  server.on("connection", (socket: Socket) => {
    uses.set(socket, { answering: new Set(), bytesAtEnd: 0 });
    socket.once("close", () => uses.delete(socket));
  });
  server.on("request", ({ socket }, response: ServerResponse) => {
    if (isClosing) endConnection(response);
    const use = uses.get(socket);
    use?.answering.add(response);
    response.once("close", () => {
      if (use === undefined) return;
      use.answering.delete(response);
      use.bytesAtEnd = socket.bytesRead;
      // Of an answer whose head had left before.
      if (isClosing) server.closeIdleConnections();
    });
  });
  return async (withinMs) => {
    isClosing = true;
    for (const { answering } of uses.values()) for (const response of answering) endConnection(response);
    const closed = once(server, "close");
    // It closes idle connections first, in the way above.
    server.close();
    const cut = setTimeout(() => server.closeAllConnections(), withinMs);
    await closed;
    clearTimeout(cut);
  };
}

function endConnection(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("Connection", "close");
}
