import { createServer, type Server, type Socket } from "node:net";
import type { Listen } from "../listen.ts";

/** Whoever serves connections. One at a time is on its way to it. */
export interface ConnectionTaker {
  /** Resolves when the connection is with it, or never will be: then it has ended, and what was not read of it is nobody's. */
  take(socket: Socket): Promise<void>;
}

/** Connections that nobody has yet: some 20 MB of memory, and more than come at once while every worker is between two. */
const MOST_WAITING = 8_192;

interface DealerOptions {
  readonly mostWaiting?: number;
  /** As many wait as may: from now on those that come are closed at once, until all that wait are dealt out. */
  readonly onFull?: () => void;
}

/**
 * Accepts connections and deals them out in turn, unread, to those that are free. Node's cluster module does the same, but keeps
 * a connection for ever that is on its way to a worker which stops listening, or dies, at that moment. Here nothing is on its way when
 * dealing has ended, and each connection is either with a worker or closed.
 */
export class ConnectionDealer {
  readonly #server: Server;
  readonly #takers = new Set<ConnectionTaker>();
  /** In the order in which they became free. */
  readonly #free = new Set<ConnectionTaker>();
  /** Accepted, and with nobody yet. */
  readonly #waiting: Socket[] = [];
  #isFull = false;

  constructor({ mostWaiting = MOST_WAITING, onFull }: DealerOptions = {}) {
    // What a connection is set to here holds in the process that serves it too.
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
      socket.on("error", () => socket.destroy());
      if (this.#waiting.length >= mostWaiting) {
        // Its client learns at once that it is to try again; it keeps no place and no descriptor.
        socket.destroy();
        if (!this.#isFull) onFull?.();
        this.#isFull = true;
        return;
      }
      this.#waiting.push(socket);
      this.#deal();
    });
  }

  /** Rejects when the address is taken; port 0 takes a free one. */
  listen({ host, port }: Listen): Promise<Listen> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        // A connection that cannot be accepted, as when no descriptor is left, is lost to its client alone.
        this.#server.on("error", () => {});
        const address = this.#server.address();
        if (address === null || typeof address === "string") throw new TypeError("a TCP server has a port");
        resolve({ host: address.address, port: address.port });
      });
    });
  }

  /** Deals to it too, until it leaves. */
  join(taker: ConnectionTaker): void {
    this.#takers.add(taker);
    this.#free.add(taker);
    this.#deal();
  }

  leave(taker: ConnectionTaker): void {
    this.#takers.delete(taker);
    this.#free.delete(taker);
    this.#deal();
  }

  /** Accepts no more, and closes what nobody has. What is on its way to a taker arrives before whatever it is told next. */
  close(): void {
    this.#server.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  #deal(): void {
    // With nobody left a client learns at once that it is to try again.
    if (this.#takers.size === 0) for (const socket of this.#waiting.splice(0)) socket.destroy();
    for (const taker of this.#free) {
      const socket = this.#waiting.shift();
      if (socket === undefined) {
        this.#isFull = false;
        return;
      }
      this.#free.delete(taker);
      void this.#give(taker, socket);
    }
  }

  async #give(taker: ConnectionTaker, socket: Socket): Promise<void> {
    await taker.take(socket);
    // The other process has one of its own.
    socket.destroy();
    if (!this.#takers.has(taker)) return;
    this.#free.add(taker);
    this.#deal();
  }
}
