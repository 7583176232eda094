import { EventEmitter } from "node:events";
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { type CapturedHead, HeadDraft } from "./captured-head.ts";
import type { ClientAnswer } from "./client-answer.ts";
import { rawHeaderNames } from "./response-methods.ts";

/** Who judges what a handler answers. */
export interface AnswerSink {
  head(head: CapturedHead): void;
  data(chunk: Buffer): void;
  end(): void;
  /** The handler has broken its answer off. */
  broken(error: unknown): void;
}

/** Kept from the handler: it hears of them from us. */
const OURS: ReadonlySet<string | symbol> = new Set(["drain", "close"]);

type Listener = (...args: unknown[]) => void;
type Done = (error?: Error | null) => void;

/**
 * Takes what a handler writes to its response, and tells it to a sink in the place of the client. Methods that a later middleware puts
 * before these (compression, sessions) call these; those that an earlier one has put stay with the client's side.
 */
export class ResponseCapture {
  readonly #response: ServerResponse;
  readonly #client: ClientAnswer;
  readonly #draft: HeadDraft;
  readonly #sink: AnswerSink;
  readonly #events = new EventEmitter();
  #promised: number | undefined;
  #size = 0;
  #isBodiless: boolean;
  #hasBegun = false;
  #hasEnded = false;
  #isOver = false;
  #isClosed = false;
  #isPaused = false;
  #needsDrain = false;

  constructor(request: IncomingMessage, response: ServerResponse, client: ClientAnswer, sink: AnswerSink) {
    this.#response = response;
    this.#client = client;
    this.#sink = sink;
    this.#draft = new HeadDraft(request, response);
    this.#isBodiless = request.method === "HEAD";
    client.keeps = (name) => this.#draft.response.hasHeader(name);
    this.#takeHeaders();
    this.#takeBody();
    this.#takeEvents();
    this.#show();
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#needsDrain) return;
    this.#needsDrain = false;
    process.nextTick(() => this.#events.emit("drain"));
  }

  /** Nothing more of the handler's answer is wanted, or it was broken off and that is settled. */
  stop(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.resume();
    }
    if (this.#isClosed) return;
    this.#isClosed = true;
    process.nextTick(() => this.#events.emit("close"));
  }

  /** The handler failed, or has let its connection go. */
  break(error: unknown): void {
    if (this.#isOver || this.#hasEnded) return;
    this.#isOver = true;
    this.#sink.broken(error);
  }

  /** Puts a method in the place of the response's, but for the client's side. */
  #put(name: keyof ClientAnswer["methods"], ours: (...args: never[]) => unknown): void {
    const client = this.#client;
    const theirs = client.methods[name] as (...args: never[]) => unknown;
    Object.defineProperty(this.#response, name, {
      configurable: true,
      writable: true,
      value: (...args: never[]): unknown => (client.isCalling ? theirs(...args) : ours(...args)),
    });
  }

  #takeHeaders(): void {
    const response = this.#response;
    const draft = this.#draft.response;
    this.#put("setHeader", (name: string, value: OutgoingHttpHeader) => {
      draft.setHeader(name, value);
      return response;
    });
    this.#put("appendHeader", (name: string, value: string | string[]) => {
      draft.appendHeader(name, value);
      return response;
    });
    this.#put("setHeaders", (headers: Headers | Map<string, number | string | string[]>) => {
      draft.setHeaders(headers);
      return response;
    });
    this.#put("getHeader", (name: string) => draft.getHeader(name));
    this.#put("getHeaders", () => draft.getHeaders());
    this.#put("getHeaderNames", () => draft.getHeaderNames());
    this.#put("hasHeader", (name: string) => draft.hasHeader(name));
    this.#put("removeHeader", (name: string) => draft.removeHeader(name));
    // Of interest to the gateway's upstreams alike: they are not passed on.
    this.#put("writeContinue", () => undefined);
    this.#put("writeProcessing", () => undefined);
    this.#put("writeEarlyHints", (_hints: unknown, done?: () => void) => done?.());
    this.#put("addTrailers", () => undefined);
  }

  #takeBody(): void {
    const response = this.#response;
    this.#put("writeHead", (...args: [number, ...unknown[]]) => {
      this.#writeHead(...args);
      return response;
    });
    this.#put("flushHeaders", () => this.#begin());
    this.#put("write", (chunk: unknown, encoding?: BufferEncoding | Done, done?: Done) =>
      this.#write(chunk, encoding, done),
    );
    this.#put("end", (chunk?: unknown, encoding?: BufferEncoding | Done, done?: Done) => {
      this.#end(chunk, encoding, done);
      return response;
    });
    this.#put("destroy", (error?: Error) => {
      this.break(error ?? new Error("the handler destroyed its response"));
      return response;
    });
  }

  #takeEvents(): void {
    const response = this.#response;
    const events = this.#events;
    for (const name of ["on", "addListener", "once", "prependListener", "prependOnceListener"] as const) {
      this.#put(name, (event: string, listener: Listener) => {
        if (OURS.has(event)) events[name](event, listener);
        else this.#client.methods[name](event, listener);
        return response;
      });
    }
    for (const name of ["off", "removeListener"] as const) {
      this.#put(name, (event: string, listener: Listener) => {
        if (OURS.has(event)) events.off(event, listener);
        this.#client.methods[name](event, listener);
        return response;
      });
    }
  }

  /** What a handler may ask its response about its own answer. */
  #show(): void {
    const answers: Record<string, (real: unknown) => unknown> = {
      headersSent: () => this.#draft.isWritten,
      writableEnded: () => this.#hasEnded,
      writableNeedDrain: () => this.#needsDrain,
      getRawHeaderNames: () => () => rawHeaderNames(this.#draft.response),
      // Others than Node call it when nothing has been written yet.
      _implicitHeader: () => () => this.#implicitHead(),
    };
    for (const [name, answer] of Object.entries(answers)) {
      const real = (): unknown =>
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        Reflect.get(Object.getPrototypeOf(this.#response) as object, name, this.#response);
      Object.defineProperty(this.#response, name, {
        configurable: true,
        get: () => (this.#client.isCalling || this.#isSending() ? real() : answer(real)),
      });
    }
  }

  /** From then on the client's own answer is what Node asks about, from inside of it too. */
  #isSending(): boolean {
    return this.#client.headersSent && this.#isOver;
  }

  #implicitHead(): void {
    if (!this.#draft.isWritten) this.#response.writeHead(this.#response.statusCode);
  }

  #writeHead(status: number, second?: unknown, third?: unknown): void {
    const text = typeof second === "string" ? second : (this.#response.statusMessage as string | undefined);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const headers = (typeof second === "string" ? third : (third ?? second)) as
      | OutgoingHttpHeaders
      | undefined;
    if (text === undefined) this.#draft.write(status, undefined, headers);
    else this.#draft.write(status, text, headers);
    this.#response.statusCode = this.#draft.response.statusCode;
  }

  #write(chunk: unknown, encoding?: BufferEncoding | Done, done?: Done): boolean {
    const told = typeof encoding === "function" ? encoding : done;
    const bytes = toBytes(chunk, encoding, told !== undefined);
    if (this.#hasEnded) {
      const error = Object.assign(new Error("write after end"), { code: "ERR_STREAM_WRITE_AFTER_END" });
      process.nextTick(() => told?.(error));
      return false;
    }
    this.#begin();
    this.#data(bytes);
    if (told !== undefined) process.nextTick(told, null);
    if (!this.#isPaused || this.#isOver) return true;
    this.#needsDrain = true;
    return false;
  }

  #end(chunk: unknown, encoding?: BufferEncoding | Done, done?: Done): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const told = [chunk, encoding, done].find((argument) => typeof argument === "function") as
      | Done
      | undefined;
    if (told !== undefined) this.#client.methods.once("finish", () => told());
    if (this.#hasEnded) return;
    const isBody = chunk !== undefined && chunk !== null && typeof chunk !== "function";
    const bytes = isBody ? toBytes(chunk, encoding, false) : Buffer.alloc(0);
    if (!this.#hasBegun && !this.#draft.isWritten) {
      const { response } = this.#draft;
      const isFramed = response.hasHeader("content-length") || response.hasHeader("transfer-encoding");
      const isEmpty = this.#isBodiless || hasNoBody(this.#response.statusCode);
      if (!isFramed && !isEmpty) response.setHeader("Content-Length", bytes.length);
    }
    this.#begin();
    this.#data(bytes);
    this.#hasEnded = true;
    if (this.#isOver) return;
    if (this.#promised !== undefined && this.#size !== this.#promised) {
      this.#isOver = true;
      this.#sink.broken(mismatch(`the handler wrote ${this.#size} of ${this.#promised} bytes`));
      return;
    }
    this.#sink.end();
  }

  #begin(): void {
    this.#implicitHead();
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const head = this.#draft.read();
    if (hasNoBody(head.status)) this.#isBodiless = true;
    const length = head.rawHeaders.findIndex(
      (text, i) => i % 2 === 0 && text.toLowerCase() === "content-length",
    );
    if (length !== -1 && !this.#isBodiless) this.#promised = Number(head.rawHeaders[length + 1]);
    // Behind it another answer would have to come, which the handler has no way to make.
    if (head.status < 200) this.break(new Error(`the handler answered ${head.status}, which is no answer`));
    if (!this.#isOver) this.#sink.head(head);
  }

  #data(bytes: Buffer): void {
    if (this.#isBodiless || bytes.length === 0 || this.#isOver) return;
    this.#size += bytes.length;
    if (this.#promised !== undefined && this.#size > this.#promised) {
      this.#isOver = true;
      this.#sink.broken(mismatch(`the handler wrote more than ${this.#promised} bytes`));
      return;
    }
    this.#sink.data(bytes);
  }
}

function hasNoBody(status: number): boolean {
  return status === 204 || status === 304;
}

/** As the code of the client of Node that says the same of a server. */
function mismatch(message: string): Error {
  return Object.assign(new Error(message), { code: "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" });
}

/** `copies`: the writer is told when its memory is its own again. */
function toBytes(chunk: unknown, encoding: BufferEncoding | Done | undefined, copies: boolean): Buffer {
  if (typeof chunk === "string") {
    return Buffer.from(chunk, typeof encoding === "string" ? encoding : "utf8");
  }
  if (chunk instanceof Uint8Array) {
    return copies ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  const error = new TypeError("a response is written in strings, Buffers and Uint8Arrays");
  throw Object.assign(error, { code: "ERR_INVALID_ARG_TYPE" });
}
