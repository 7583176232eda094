import type { Socket } from "node:net";
import type { AddressRanges } from "../domain/addresses.ts";
import { ClientConnection } from "../exchange/parts/client-connection.ts";
import type { Exchange } from "../exchange/parts/exchange.ts";
import type { HandlerCall } from "./handler-call.ts";

/** A client's connection to the application's own server. */
interface Line {
  readonly connection: ClientConnection;
  readonly calls: Map<Exchange, HandlerCall>;
}

/** The connections on which exchanges run. How many there may be is the application's business. */
export class Connections {
  readonly #proxies: AddressRanges | undefined;
  readonly #lines = new WeakMap<Socket, Line>();

  constructor(proxies: AddressRanges | undefined) {
    this.#proxies = proxies;
  }

  /** False: an earlier answer has said that it is the last on this connection. */
  begin(socket: Socket, exchange: Exchange, call: HandlerCall): boolean {
    const line = this.#lines.get(socket) ?? this.#open(socket);
    if (line.connection.isClosing) return false;
    line.connection.running.push(exchange);
    line.calls.set(exchange, call);
    exchange.connection = line.connection;
    return true;
  }

  end(exchange: Exchange): void {
    exchange.connection?.end(exchange);
    const { socket } = exchange.request;
    if (socket !== undefined) this.#lines.get(socket)?.calls.delete(exchange);
  }

  #open(socket: Socket): Line {
    const connection = new ClientConnection(socket.remoteAddress ?? "", this.#proxies);
    const line: Line = { connection, calls: new Map() };
    this.#lines.set(socket, line);
    socket.once("close", () => {
      for (const exchange of connection.running.slice()) exchange.clientLeft();
    });
    const destroy = socket.destroy.bind(socket);
    // Without a reason, and while the client still speaks, it is somebody in this process: frameworks do so when an error comes too
    // late to be told. Nothing may stay charged for it, as for an upstream that breaks off.
    socket.destroy = (error?: Error) => {
      if (error === undefined && !socket.readableEnded) for (const call of line.calls.values()) call.cut();
      return destroy(error);
    };
    return line;
  }
}
