import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { MetricSnapshot } from "../../telemetry/metrics.ts";
import type { TrafficFeed } from "../../telemetry/traffic-feed.ts";
import type { ConnectionTaker } from "./connection-dealer.ts";
import type { Failure, FromWorker, ToWorker, WorkerOptions } from "./messages.ts";

/** Whoever asks for metrics gets a busy worker's former ones rather than to wait. */
const MEASURE_MS = 1_000;

const CONNECTION: ToWorker = { kind: "connection" };
const CONNECTION_SENT: ToWorker = { kind: "connection sent" };

/** A line of a worker's logger. */
interface Logged {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly msg: string;
  readonly time: string;
}

/** How a worker ended. */
interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One forked worker as its primary sees it. */
export class WorkerProcess implements ConnectionTaker {
  /** It can serve connections. Rejects with the FareboxError that it failed with. */
  readonly ready: Promise<{ readonly instanceId: string }>;
  /** Never rejects. */
  readonly ended: Promise<Exit>;
  /** What it last said of its counts. */
  metrics: readonly MetricSnapshot[] = [];
  readonly #worker: ChildProcess;
  readonly #logger: Logger;
  readonly #traffic: Pick<TrafficFeed, "pass">;
  readonly #ready = Promise.withResolvers<{ readonly instanceId: string }>();
  readonly #announced = Promise.withResolvers<void>();
  /** Of the connection that is on its way. */
  #taken = Promise.withResolvers<void>();
  #measured = Promise.withResolvers<void>();

  constructor(options: WorkerOptions, logger: Logger, traffic: Pick<TrafficFeed, "pass">) {
    this.#logger = logger;
    this.#traffic = traffic;
    this.#worker = fork(workerFile(), [], { serialization: "advanced" });
    this.ready = this.#ready.promise;
    // Who does not wait for it learns of its end.
    this.ready.catch(() => {});
    this.ended = new Promise((resolve) => {
      this.#worker.once("exit", (code, signal) => {
        this.#end(code, signal);
        resolve({ code, signal });
      });
    });
    this.#worker.on("error", (error) =>
      logger.error({ err: error, worker: this.pid }, "a worker is out of reach"),
    );
    this.#worker.once("disconnect", () => this.#taken.resolve());
    this.#worker.on("message", (message: FromWorker) => this.#hear(message));
    this.#send({ kind: "start", options });
  }

  get pid(): number {
    return this.#worker.pid ?? 0;
  }

  take(socket: Socket): Promise<void> {
    const taken = Promise.withResolvers<void>();
    if (!this.#worker.connected) return Promise.resolve();
    this.#taken = taken;
    // Ours stays open until it has its own: Node would keep one for ever that a worker dies with on its way.
    this.#worker.send(CONNECTION, socket, { keepOpen: true }, () => {});
    this.#send(CONNECTION_SENT);
    return taken.promise;
  }

  /** Asks for its counts, which are in `metrics` then, unless it takes too long to answer. */
  async measure(): Promise<void> {
    this.#send({ kind: "measure" });
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, MEASURE_MS);
    await Promise.race([this.#measured.promise, promise]);
    clearTimeout(timer);
  }

  /** Whether it tells what it answers. */
  watch(isWatched: boolean): void {
    this.#send({ kind: "watch", isWatched });
  }

  /** Resolves when it has waited for `gateway.drainDelay`, or has ended. */
  announceEnd(): Promise<void> {
    this.#send({ kind: "announce end" });
    return this.#announced.promise;
  }

  /** Resolves at its end, by itself or by force after `withinMs`. */
  async close(withinMs: number): Promise<void> {
    this.#send({ kind: "close" });
    const timer = setTimeout(() => {
      this.#logger.error({ worker: this.pid }, "a worker did not end in time: it is killed");
      this.#worker.kill("SIGKILL");
    }, withinMs);
    await this.ended;
    clearTimeout(timer);
  }

  #send(message: ToWorker): void {
    // To one that has gone nothing can be said; its end is told by itself.
    if (this.#worker.connected) this.#worker.send(message, () => {});
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case "ready":
        this.#ready.resolve(message);
        return;
      case "taken":
        this.#taken.resolve();
        return;
      case "failed":
        this.#ready.reject(revive(message.failure));
        return;
      case "logged":
        this.#log(message.line);
        return;
      case "traffic":
        this.#traffic.pass(message.taken);
        return;
      case "measured":
        this.metrics = message.metrics;
        this.#measured.resolve();
        this.#measured = Promise.withResolvers<void>();
        return;
      case "end announced":
        this.#announced.resolve();
    }
  }

  /** Its lines go where the primary's go, with its number. */
  #log(line: string): void {
    const { level, msg, time: _time, ...fields }: Logged = JSON.parse(line);
    this.#logger[level]({ ...fields, worker: this.pid }, msg);
  }

  #end(code: number | null, signal: string | null): void {
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    this.#ready.reject(
      new FareboxError("worker_ended", `A worker ended ${how} before it was ready.`, { retryable: true }),
    );
    this.#announced.resolve();
    this.#taken.resolve();
    this.#measured.resolve();
  }
}

function revive({ code, message, retryable, detail }: Failure): Error {
  return code === undefined ? new Error(message) : new FareboxError(code, message, { retryable, detail });
}

function workerFile(): string {
  const extension = import.meta.filename.endsWith(".ts") ? "ts" : "js";
  return `${import.meta.dirname}/worker.${extension}`;
}
