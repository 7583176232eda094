import type { Config } from "../../config/config.ts";
import type { DatabaseTarget } from "../../ledger/database/open-database.ts";
import type { LogLevel } from "../../telemetry/logger.ts";
import type { MetricSnapshot } from "../../telemetry/metrics.ts";
import type { TakenTraffic } from "../../telemetry/traffic-feed.ts";
import type { Listen } from "../listen.ts";

/** What a worker starts with: its primary's, so that one which takes another's place has the configuration of the start. */
export interface WorkerOptions {
  readonly config: Config;
  readonly database: DatabaseTarget;
  readonly dataDirectory: string;
  readonly listen: Listen;
  readonly logLevel: LogLevel;
  readonly version: string;
  readonly databaseRetryMs: number | undefined;
}

/** From the primary to a worker. Messages are copied by structure: dates, bigints and buffers arrive as such. */
export type ToWorker =
  | { readonly kind: "start"; readonly options: WorkerOptions }
  | { readonly kind: "measure" }
  | { readonly kind: "watch"; readonly isWatched: boolean }
  | { readonly kind: "announce end" }
  | { readonly kind: "close" };

export type FromWorker =
  | { readonly kind: "ready"; readonly address: Listen; readonly instanceId: string }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "logged"; readonly line: string }
  | { readonly kind: "measured"; readonly metrics: readonly MetricSnapshot[] }
  | { readonly kind: "traffic"; readonly taken: TakenTraffic }
  | { readonly kind: "end announced" };

/** An error, which loses its class between processes. */
export interface Failure {
  /** Undefined: no FareboxError. */
  readonly code: string | undefined;
  readonly message: string;
  readonly retryable: boolean;
  readonly detail: Readonly<Record<string, unknown>>;
}
