import { Duplex } from "node:stream";
import type { PgliteThread } from "./pglite-thread.ts";

/** AuthenticationOk, then ReadyForQuery (idle): what a server answers to a start-up packet that it accepts. */
const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);

/** The first byte of the message with which a client says goodbye. */
const TERMINATE = 0x58;

/**
 * A socket to PGlite for pg's client: the same client, protocol and parsers speak to PGlite and to Postgres, so their
 * results cannot differ. One batch of messages is one call into PGlite and one message between threads; PGlite's own
 * query function takes five calls. Measured: a named statement 80 µs against 130-150 µs.
 */
export class PgliteStream extends Duplex {
  readonly #thread: PgliteThread;
  #session: number | undefined;
  #greeted = false;

  constructor(thread: PgliteThread) {
    super();
    this.#thread = thread;
  }

  /** Called by pg's client in place of a socket's `connect`. */
  connect(): void {
    const joining = this.#thread.join({
      opened: () => this.emit("connect"),
      received: (bytes) => this.push(bytes),
      failed: (error) => this.destroy(error),
    });
    joining
      .then((session) => this.#joined(session))
      .catch((error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#send(chunk);
    done();
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)));
    done();
  }

  override _read(): void {
    // Answers are pushed as they come: pg's client asks one thing at a time, so nothing piles up.
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#session !== undefined) this.#thread.leave(this.#session);
    done(error);
  }

  /** The methods of a socket that pg's client calls and that mean nothing between threads. */
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  #joined(session: number): void {
    this.#session = session;
    if (this.destroyed) this.#thread.leave(session);
  }

  #send(bytes: Buffer): void {
    if (!this.#greeted) {
      this.#greeted = true;
      this.push(WELCOME);
    } else if (bytes[0] === TERMINATE) {
      this.push(null);
    } else if (this.#session !== undefined) {
      // A copy: the client's buffer is part of a larger one, which cannot be handed over.
      this.#thread.send(this.#session, Uint8Array.from(bytes));
    }
  }
}
