import { setTimeout as wait } from "node:timers/promises";
import type { Config } from "../../config/config.ts";
import type { Gateway } from "../../gateway/create-gateway.ts";
import type { DatabaseTarget } from "../../ledger/database/open-database.ts";
import { type Logger, levelOf } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { TrafficFeed } from "../../telemetry/traffic-feed.ts";
import { type Listen, refuseAddress } from "../listen.ts";
import { ConnectionDealer } from "./connection-dealer.ts";
import { SummedMetrics } from "./summed-metrics.ts";
import { WorkerProcess } from "./worker-process.ts";

/** What a worker has besides two times the drain: the bounds of Closing, and a little. */
const CLOSE_MS = 20_000;

/** A worker that dies as soon as it starts is started again at growing intervals. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** Whoever lived so long did not die of its start. */
const LIVED_MS = 30_000;

interface WorkersOptions {
  readonly config: Config;
  readonly database: DatabaseTarget;
  readonly dataDirectory: string;
  readonly version: string;
  readonly databaseRetryMs?: number;
  readonly logger: Logger;
  /** This process's own. */
  readonly metrics: Metrics;
  /** Whoever watches is told what all workers answer. */
  readonly traffic: TrafficFeed;
  readonly count: number;
}

/**
 * The gateway as several processes on one listener, which this process accepts connections of and deals out in turn. Each worker is an
 * instance of its own, so that nothing is shared but the database; one that dies is replaced, and what it had leased returns to
 * the pools as any dead instance's does.
 */
export class Workers implements Pick<Gateway, "listen" | "announceEnd" | "close"> {
  /** Of all processes. */
  readonly metrics: SummedMetrics;
  readonly #options: WorkersOptions;
  readonly #workers = new Map<WorkerProcess, string | undefined>();
  readonly #dealer: ConnectionDealer;
  readonly #ending = new AbortController();

  constructor(options: WorkersOptions) {
    this.#options = options;
    const onFull = (): void =>
      options.logger.warn("no worker takes connections fast enough: those that come are closed unanswered");
    this.#dealer = new ConnectionDealer({ onFull });
    this.metrics = new SummedMetrics(options.metrics, () => this.#workers.keys());
    options.traffic.onWatched = (isWatched) => {
      for (const worker of this.#workers.keys()) worker.watch(isWatched);
    };
  }

  /** Whether any takes requests. */
  get isServing(): boolean {
    return this.list().length > 0;
  }

  /** Those that take requests. */
  list(): { readonly pid: number; readonly instanceId: string }[] {
    return [...this.#workers].flatMap(([{ pid }, instanceId]) =>
      instanceId === undefined ? [] : [{ pid, instanceId }],
    );
  }

  /** Resolves when all workers take connections. Rejects, with none left, with the error of the first that failed. */
  async listen(host: string, port: number): Promise<Listen> {
    const first = Array.from({ length: this.#options.count }, () => this.#fork());
    try {
      await Promise.all(first.map(({ ready }) => ready));
      const listen = { host, port };
      const address = await this.#dealer.listen(listen).catch(refuseAddress(listen));
      for (const worker of first) void this.#watch(worker);
      return address;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async announceEnd(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.#workers.keys()].map((worker) => worker.announceEnd()));
  }

  async close(): Promise<void> {
    this.#ending.abort();
    // Before the workers are told: each connection that was accepted is with one of them, or closed.
    this.#dealer.close();
    const withinMs = 2 * this.#options.config.gateway.drainMs + CLOSE_MS;
    await Promise.all([...this.#workers.keys()].map((worker) => worker.close(withinMs)));
  }

  #fork(): WorkerProcess {
    const { config, database, dataDirectory, version, databaseRetryMs, logger, traffic } = this.#options;
    const logLevel = levelOf(logger);
    const options = { config, database, dataDirectory, logLevel, version, databaseRetryMs };
    const worker = new WorkerProcess(options, logger, traffic);
    this.#workers.set(worker, undefined);
    void this.#follow(worker);
    return worker;
  }

  /** Lists it, and deals to it, while it takes requests. */
  async #follow(worker: WorkerProcess): Promise<void> {
    const ready = await worker.ready.catch(() => undefined);
    if (ready !== undefined) {
      this.#workers.set(worker, ready.instanceId);
      this.#dealer.join(worker);
    }
    worker.watch(this.#options.traffic.isWatched);
    await worker.ended;
    this.#dealer.leave(worker);
    this.#workers.delete(worker);
    this.metrics.keep(worker.metrics);
  }

  /** Puts another in its place when it ends, until the end is announced. */
  async #watch(worker: WorkerProcess): Promise<void> {
    const { logger } = this.#options;
    const ending = this.#ending.signal;
    let watched = worker;
    let pause = FIRST_PAUSE_MS;
    for (;;) {
      const since = performance.now();
      const { code, signal } = await watched.ended;
      if (ending.aborted) return;
      const lived = performance.now() - since;
      pause = lived > LIVED_MS ? FIRST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
      logger.error(
        { worker: watched.pid, code, signal, nextInMs: pause },
        "a worker ended: another takes its place",
      );
      await wait(pause, undefined, { signal: ending }).catch(() => {});
      if (ending.aborted) return;
      watched = this.#fork();
      await watched.ready.then(
        () => logger.info({ worker: watched.pid }, "a worker took the place of one that ended"),
        (error: unknown) => logger.error({ err: error, worker: watched.pid }, "a worker could not start"),
      );
    }
  }
}
