import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { FareboxError } from "../../../domain/farebox-error.ts";
import type { FromWorker, ToWorker, WorkerData } from "./pglite-messages.ts";

/** Of the thread's JavaScript, which only hands bytes on. The default keeps 16 MB and more resident. */
const YOUNG_GENERATION_MB = 4;

/**
 * V8 compiles a WebAssembly function anew when it is called often, several at once by default. One of PGlite's (the interpreter
 * of expressions) takes 600 MB for a second then; the allocator keeps a part of what each thread used.
 */
const ONE_AT_A_TIME = "--wasm-num-compilation-tasks=1";

/** After a caller has given a statement up (12 s) the thread may work on it for so long. */
const GRACE_MS = 3_000;

/** One connection's end of the thread. */
export interface PgliteSession {
  opened(): void;
  received(bytes: Uint8Array): void;
  failed(error: Error): void;
}

/**
 * The worker thread of one data directory. When it dies every open session fails at once; the next session starts another
 * thread, which opens the directory again as after a crash.
 */
export class PgliteThread {
  readonly #directory: string;
  readonly #sessions = new Map<number, PgliteSession>();
  /** Bytes sent that the thread has not answered yet, by session. */
  readonly #unanswered = new Map<number, number>();
  readonly #graceMs: number;
  #lastSession = 0;
  #worker: Worker | undefined;
  #ready: Promise<Worker> | undefined;
  #closed = false;

  constructor(directory: string, graceMs = GRACE_MS) {
    this.#directory = directory;
    this.#graceMs = graceMs;
  }

  /** Starts the thread unless it runs. Rejects as openPglite does. */
  start(): Promise<Worker> {
    if (this.#closed) return Promise.reject(stopped("it was closed"));
    this.#ready ??= this.#startWorker();
    return this.#ready;
  }

  /** Returns the session's number for {@link send} and {@link leave}. `session.opened` follows. */
  async join(session: PgliteSession): Promise<number> {
    const worker = await this.start();
    this.#lastSession += 1;
    const number = this.#lastSession;
    this.#sessions.set(number, session);
    worker.postMessage({ kind: "open", session: number } satisfies ToWorker, []);
    return number;
  }

  /** `bytes` are handed over: the caller must not use them afterwards. */
  send(session: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#unanswered.set(session, (this.#unanswered.get(session) ?? 0) + 1);
    this.#worker?.postMessage({ kind: "send", session, bytes } satisfies ToWorker, [bytes.buffer]);
  }

  /**
   * The connection is over. When the thread still works on something for it, its caller has given up: a thread that does not come
   * to an end either is replaced. Nothing that was committed is lost with it, as when the whole process is killed.
   */
  leave(session: number): void {
    if (!this.#sessions.delete(session)) return;
    const worker = this.#worker;
    if (!this.#unanswered.has(session) || worker === undefined) return;
    setTimeout(() => {
      if (this.#unanswered.has(session)) void worker.terminate();
    }, this.#graceMs).unref();
  }

  /**
   * Shuts PGlite down and waits until the thread has ended and the directory's lock is free. A thread that does not end by itself is
   * ended: its next opening is one as after a crash.
   */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise((resolve) => {
      worker.once("exit", resolve);
    });
    worker.postMessage({ kind: "close" } satisfies ToWorker, []);
    const timer = setTimeout(() => void worker.terminate(), this.#graceMs);
    await ended;
    clearTimeout(timer);
  }

  #startWorker(): Promise<Worker> {
    setFlagsFromString(ONE_AT_A_TIME);
    const worker = new Worker(workerUrl(), {
      workerData: { directory: this.#directory } satisfies WorkerData,
      // node:sqlite, which the directory's lock is made of, announces itself as experimental on Node 22.
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#worker = worker;
    return new Promise((resolve, reject) => {
      let cause: Error = stopped("its thread ended");
      worker.on("message", (message: FromWorker) => {
        if (message.kind === "ready") resolve(worker);
        else if (message.kind === "refused") cause = refusal(message);
        else if (message.kind === "failed") cause = stopped(message.message);
        else this.#deliver(message);
      });
      worker.on("error", (error) => {
        cause = stopped(error instanceof Error ? error.message : String(error), error);
      });
      worker.on("exit", () => {
        reject(cause);
        this.#died(cause);
      });
    });
  }

  #deliver(message: Extract<FromWorker, { session: number }>): void {
    const session = this.#sessions.get(message.session);
    if (message.kind === "opened") {
      session?.opened();
      return;
    }
    const left = (this.#unanswered.get(message.session) ?? 1) - 1;
    if (left > 0) this.#unanswered.set(message.session, left);
    else this.#unanswered.delete(message.session);
    session?.received(message.bytes);
  }

  /** Only after `exit` may another thread be started: before it, two would have the directory open. */
  #died(cause: Error): void {
    this.#worker = undefined;
    this.#ready = undefined;
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    this.#unanswered.clear();
    for (const session of sessions) session.failed(cause);
  }
}

/** The published package has the worker beside this file as `.js`, the sources as `.ts`. */
function workerUrl(): URL {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`pglite-worker.${extension}`, import.meta.url);
}

/** Errors lose their class between threads. */
function refusal({ code, message, detail }: Extract<FromWorker, { kind: "refused" }>): FareboxError {
  return new FareboxError(code, message, { detail: { ...detail } });
}

function stopped(reason: string, cause?: unknown): FareboxError {
  return new FareboxError("storage_unavailable", `The embedded database stopped: ${reason}.`, {
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}
