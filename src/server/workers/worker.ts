import cluster from "node:cluster";
import { FareboxError } from "../../domain/farebox-error.ts";
import { openDatabase } from "../../ledger/database/open-database.ts";
import { withPatience } from "../../ledger/database/patience.ts";
import { createLogger, type Logger } from "../../telemetry/logger.ts";
import { createMetrics, type Metrics } from "../../telemetry/metrics.ts";
import { TrafficFeed, type TrafficReader } from "../../telemetry/traffic-feed.ts";
import { Closing } from "../closing.ts";
import { refuseAddress } from "../listen.ts";
import { openGateway } from "../open-gateway.ts";
import { openInstance } from "../open-instance.ts";
import type { Failure, FromWorker, ToWorker, WorkerOptions } from "./messages.ts";
import { reviveConfig } from "./revive-config.ts";

/** A process that the primary forks: one instance, whose gateway takes connections of the listener that all share. */

const EXIT_FAILED = 1;

let metrics: Metrics | undefined;
const traffic = new TrafficFeed();
let watcher: TrafficReader | undefined;
let running: { announceEnd(): Promise<void>; close(): Promise<void> } | undefined;

function tell(message: FromWorker): void {
  // A primary that has gone reads nothing.
  if (process.connected) process.send?.(message);
}

/** `sent` is told when it has left this process, or cannot. */
function send(message: FromWorker, sent: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, sent);
  else sent();
}

async function start(options: WorkerOptions): Promise<void> {
  const logger = createLogger({
    level: options.logLevel,
    format: "json",
    write: (line) => tell({ kind: "logged", line }),
  });
  const closing = new Closing(logger);
  try {
    await open(options, logger, closing);
  } catch (error) {
    await closing.run();
    tell({ kind: "failed", failure: describe(error) });
    leave(EXIT_FAILED);
  }
}

async function open(options: WorkerOptions, logger: Logger, closing: Closing): Promise<void> {
  const { listen, databaseRetryMs: retryMs } = options;
  const config = reviveConfig(options.config);
  const patience = {
    ...(retryMs === undefined ? {} : { retryMs }),
    onRetry: ({ number, reason }: { number: number; reason: string }) =>
      logger.warn({ attempt: number, reason }, "the database does not answer yet"),
  };
  const patiently = <T>(step: () => Promise<T>): Promise<T> => withPatience(options.database, patience, step);
  const database = await openDatabase(options.database, patience);
  closing.add("database", () => database.close());
  metrics = createMetrics();
  const parts = { database, config, metrics, logger, closing, patiently };
  const instance = await openInstance(parts);
  const gateway = await openGateway(parts, instance, { ...options, traffic });
  closing.add("gateway", () => gateway.close(), "serving");
  const address = await gateway.listen(listen.host, listen.port).catch(refuseAddress(listen));
  running = { announceEnd: () => gateway.announceEnd(), close: () => closing.run() };
  tell({ kind: "ready", address, instanceId: instance.ledger.instanceId });
}

function describe(error: unknown): Failure {
  if (error instanceof FareboxError) {
    const { code, message, retryable, detail } = error;
    return { code, message, retryable, detail };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: undefined, message, retryable: false, detail: {} };
}

/** With what was told before it; nothing that is left open keeps the process. */
function leave(code: number): void {
  if (!process.connected) process.exit(code);
  process.once("disconnect", () => process.exit(code));
  process.disconnect();
}

async function close(): Promise<void> {
  await running?.close();
  await measure();
  leave(0);
}

async function measure(): Promise<void> {
  tell({ kind: "measured", metrics: (await metrics?.snapshot()) ?? [] });
}

/** What is answered goes to the primary as fast as it takes it; what is more is counted. */
async function watch(isWatched: boolean): Promise<void> {
  if (isWatched === (watcher !== undefined)) return;
  watcher?.leave();
  watcher = isWatched ? traffic.watch(undefined) : undefined;
  const reader = watcher;
  if (reader === undefined) return;
  while (!reader.isOver) {
    await reader.waiting();
    const taken = reader.take();
    if (taken.lines.length > 0)
      await new Promise<void>((resolve) => send({ kind: "traffic", taken }, resolve));
  }
}

async function obey(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case "start":
      return start(message.options);
    case "watch":
      return watch(message.isWatched);
    case "measure":
      return measure();
    case "announce end":
      await running?.announceEnd();
      return tell({ kind: "end announced" });
    case "close":
      return close();
  }
}

// A terminal and a service manager send their signals to all processes: when to end is the primary's to say.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.on("message", (message: ToWorker) => void obey(message));
// The cluster module ends a worker at once whose primary has gone. Said to leave on purpose, it lets us finish what is under way.
if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
process.once("disconnect", () => void close());
