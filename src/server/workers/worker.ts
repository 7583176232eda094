import type { Socket } from "node:net";

import { FareboxError } from "../../domain/farebox-error.ts";
import type { Gateway } from "../../gateway/create-gateway.ts";
import { returnMemory } from "../../ledger/database/embedded/return-memory.ts";
import { openDatabase } from "../../ledger/database/open-database.ts";
import { withPatience } from "../../ledger/database/patience.ts";
import { createLogger, type Logger } from "../../telemetry/logger.ts";
import { createMetrics, type Metrics } from "../../telemetry/metrics.ts";
import { TrafficFeed, type TrafficReader } from "../../telemetry/traffic-feed.ts";
import { Closing } from "../closing.ts";
import { openGateway } from "../open-gateway.ts";
import { openInstance } from "../open-instance.ts";
import type { Failure, FromWorker, ToWorker, WorkerOptions } from "./messages.ts";
import { reviveConfig } from "./revive-config.ts";

/** A process that the primary forks: one instance, whose gateway serves connections that the primary has accepted. */

const EXIT_FAILED = 1;

let metrics: Metrics | undefined;
const traffic = new TrafficFeed();
let watcher: TrafficReader | undefined;
let running: (Pick<Gateway, "accept" | "announceEnd"> & { close(): Promise<void> }) | undefined;

function tell(message: FromWorker): void {
  send(message, () => {});
}

/** `sent` is told when it has left this process, or cannot: a primary that has gone reads nothing. */
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
  const { databaseRetryMs: retryMs } = options;
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
  running = {
    accept: (socket) => gateway.accept(socket),
    announceEnd: () => gateway.announceEnd(),
    close: () => closing.run(),
  };
  returnMemory();
  tell({ kind: "ready", instanceId: instance.ledger.instanceId });
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

/** `socket` is undefined when the client was gone before it could be handed over. */
function accept(socket: Socket | undefined): void {
  if (running === undefined) socket?.destroy();
  else if (socket !== undefined) running.accept(socket);
}

async function obey(message: ToWorker, socket?: Socket): Promise<void> {
  switch (message.kind) {
    case "connection":
      return accept(socket);
    case "connection sent":
      return tell({ kind: "taken" });
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
process.on("message", (message: ToWorker, socket?: Socket) => void obey(message, socket));
// The primary has gone: what is under way is finished.
process.once("disconnect", () => void close());
