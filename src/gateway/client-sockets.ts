import type { Server } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ClientConnection } from "./exchange/client-connection.ts";
import type { Exchange } from "./exchange/exchange.ts";
import type { GatewayParts } from "./exchange/gateway-parts.ts";
import { RETRY_AFTER_SECONDS } from "./response/error-refusal.ts";
import { answerRaw } from "./response/raw-answer.ts";

/** The connections of clients: how many an address may have, what runs on each, and when one is cut. */
export class ClientSockets {
  readonly #parts: GatewayParts;
  readonly #connections = new WeakMap<Duplex, ClientConnection>();

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  attach(server: Server): void {
    server.on("connection", (socket: Socket) => this.#connected(socket));
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (socket instanceof Socket) this.#broken(error, socket);
    });
    // One timer a connection: refreshed by every byte that moves, in either direction.
    server.setTimeout(this.#parts.config.gateway.writeStallMs, (socket) => this.#timedOut(socket));
  }

  /** False: the connection is ending, and nothing more is served on it. */
  begin(exchange: Exchange): boolean {
    const connection = this.#connections.get(exchange.request.socket);
    if (connection === undefined || connection.isClosing) return false;
    connection.running.push(exchange);
    exchange.connection = connection;
    return true;
  }

  #connected(socket: Socket): void {
    const connection = new ClientConnection(socket.remoteAddress ?? "", this.#parts.proxies);
    const { plainAddress: address, isProxy } = connection;
    // Of a proxy's connections the requests are counted, each for its client.
    if (!isProxy && !this.#parts.addresses.enter(address)) {
      this.#parts.events.socketRefused(address);
      answerRaw(this.#parts, socket, { code: "overloaded", retryAfterSeconds: RETRY_AFTER_SECONDS });
      return;
    }
    this.#connections.set(socket, connection);
    socket.once("close", () => {
      if (!isProxy) this.#parts.addresses.leave(address);
      for (const exchange of connection.running.slice()) exchange.clientLeft();
    });
  }

  /**
   * Bytes that Node's parser refuses, or a head that came too late. When an answer on this connection is under way
   * nothing can be put between its bytes, so the connection is cut.
   */
  #broken(error: NodeJS.ErrnoException, socket: Socket): void {
    const code = error.code ?? "unknown";
    this.#parts.events.clientBroken(code);
    const connection = this.#connections.get(socket);
    const running = connection?.running;
    const isAnswering = running?.some((exchange) => exchange.response.headersSent) ?? false;
    // Behind an answer that has left a second one would be taken for that of the next request.
    const isOver = connection?.isReceiving === true || connection?.isClosing === true;
    if (code === "ECONNRESET" || running === undefined || isOver) {
      socket.destroy();
    } else if (!isAnswering && running.length <= 1) {
      answerRaw(this.#parts, socket, { code: "request_invalid", reason: reasonOf(code) });
    } else {
      socket.destroySoon();
    }
  }

  /** Nothing moved for as long as a write may stall. Waiting for the upstream is no stall: then nothing is to be written. */
  #timedOut(socket: Socket): void {
    const isIdle = (this.#connections.get(socket)?.running.length ?? 0) === 0;
    if (isIdle || socket.writableLength > 0) socket.destroy();
  }
}

function reasonOf(code: string): string {
  if (code === "HPE_HEADER_OVERFLOW") return "headers are too large";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "the request did not arrive in time";
  return "not valid HTTP/1.1";
}
