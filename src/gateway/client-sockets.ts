import type { Server } from "node:http";
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ClientConnection } from "../exchange/parts/client-connection.ts";
import type { Exchange } from "../exchange/parts/exchange.ts";
import { RETRY_AFTER_SECONDS } from "../exchange/response/error-refusal.ts";
import type { GatewayParts } from "./gateway-parts.ts";
import { answerRaw } from "./raw-answer.ts";

/** The connections of clients: how many an address may have, what runs on each, and when one is cut. */
export class ClientSockets {
  readonly #parts: GatewayParts;
  readonly #connections = new WeakMap<Duplex, ClientConnection>();
  /** Those of HTTP/1.1. */
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new WeakMap<ServerHttp2Session, ClientConnection>();

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /** `isCounted`: its connections have passed {@link admit} already. */
  attach(server: Server, isCounted: boolean): void {
    server.on("connection", (socket: Socket) => this.#connected(socket, isCounted));
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (socket instanceof Socket) this.#broken(error, socket);
    });
    // One timer a connection: refreshed by every byte that moves, in either direction.
    server.setTimeout(this.#parts.config.gateway.writeStallMs, (socket) => this.#timedOut(socket));
  }

  /** False: the connection is ending, and nothing more is served on it. */
  begin(exchange: Exchange): boolean {
    const { socket } = exchange.request;
    if (socket === undefined) return false;
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.isClosing) return false;
    connection.running.push(exchange);
    exchange.connection = connection;
    return true;
  }

  /** An exchange is over. `ending`: so is its connection, when nothing else is on it and its answer has left. */
  end(exchange: Exchange, ending: boolean): void {
    const { connection, request, response } = exchange;
    connection?.end(exchange);
    if (connection === undefined || request.socket === undefined) return;
    connection.bytesAtEnd = request.socket.bytesRead;
    if (!ending) return;
    if (response.writableFinished) this.closeIdle();
    else response.once("close", () => this.closeIdle());
  }

  /**
   * Closes connections on which nothing is under way, when all that was answered has left. Node's own way cuts an answer that its client
   * has not taken yet, and waits for connections without a request, as browsers keep some, until the drain is over.
   */
  closeIdle(): void {
    for (const socket of this.#sockets) {
      const connection = this.#connections.get(socket);
      if (connection === undefined || connection.running.length > 0 || connection.isReceiving) continue;
      if (socket.bytesRead === connection.bytesAtEnd) socket.destroySoon();
    }
  }

  /** Counts a connection before its handshake. False: its address has too many, and it is ended. */
  admit(socket: Socket): boolean {
    const isAdmitted = this.#count(
      new ClientConnection(socket.remoteAddress ?? "", this.#parts.proxies),
      socket,
    );
    // What would be answered is not what a handshake looks like.
    if (!isAdmitted) socket.destroy();
    return isAdmitted;
  }

  /** An HTTP/2 session. One without a stream is closed as an idle connection of HTTP/1.1 is. */
  openSession(session: ServerHttp2Session, socket: Socket): void {
    const connection = new ClientConnection(socket.remoteAddress ?? "", this.#parts.proxies);
    this.#sessions.set(session, connection);
    // A callback of `setTimeout` would be called once only: not when the session is idle after a long request.
    session.setTimeout(this.#parts.config.gateway.idleSocketMs);
    session.on("timeout", () => {
      if (connection.running.length === 0) session.close();
    });
  }

  /** A request on a stream: limited in time like one on a connection of its own. */
  beginStream(exchange: Exchange, session: ServerHttp2Session, stream: ServerHttp2Stream): void {
    const connection = this.#sessions.get(session);
    connection?.running.push(exchange);
    exchange.connection = connection;
    const { writeStallMs, requestTimeoutMs } = this.#parts.config.gateway;
    const left = (): void => exchange.clientLeft();
    stream.once("aborted", left).once("close", left);
    // The same: waiting for the upstream is no stall, and what comes after it may be one.
    stream.setTimeout(writeStallMs);
    stream.on("timeout", () => {
      if (stream.writableLength > 0) stream.close(constants.NGHTTP2_CANCEL);
    });
    if (exchange.request.complete) return;
    const late = setTimeout(() => {
      if (!exchange.request.complete) stream.close(constants.NGHTTP2_CANCEL);
    }, requestTimeoutMs);
    late.unref();
    stream.once("close", () => clearTimeout(late));
  }

  #connected(socket: Socket, isCounted: boolean): void {
    const connection = new ClientConnection(socket.remoteAddress ?? "", this.#parts.proxies);
    if (!isCounted && !this.#count(connection, socket)) {
      answerRaw(this.#parts, socket, { code: "overloaded", retryAfterSeconds: RETRY_AFTER_SECONDS });
      return;
    }
    this.#connections.set(socket, connection);
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      for (const exchange of connection.running.slice()) exchange.clientLeft();
    });
  }

  /** False: its address has as many connections as it may have. */
  #count({ plainAddress: address, isProxy }: ClientConnection, socket: Socket): boolean {
    // Of a proxy's connections the requests are counted, each for its client.
    if (isProxy) return true;
    if (!this.#parts.addresses.enter(address)) {
      this.#parts.events.socketRefused(address);
      return false;
    }
    socket.once("close", () => this.#parts.addresses.leave(address));
    return true;
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
    // Browsers open connections before they need them; what is said there they would take for the answer to the request that they send next.
    const isUnused = code === "ERR_HTTP_REQUEST_TIMEOUT" && socket.bytesRead === 0;
    if (code === "ECONNRESET" || running === undefined || isOver || isUnused) {
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
