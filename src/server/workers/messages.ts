import type { Config } from "../../config/config.ts";
import type { DatabaseTarget } from "../../ledger/database/open-database.ts";
import type { LogLevel } from "../../telemetry/logger.ts";
import type { MetricSnapshot } from "../../telemetry/metrics.ts";
import type { TakenTraffic } from "../../telemetry/traffic-feed.ts";

/** What a worker starts with: its primary's, so that one which takes another's place has the configuration of the start. */
export interface WorkerOptions {
  readonly config: Config;
  readonly database: DatabaseTarget;
  readonly dataDirectory: string;
  readonly logLevel: LogLevel;
  readonly version: string;
  readonly databaseRetryMs: number | undefined;
}

/** From the primary to a worker. Messages are copied by structure: dates, bigints and buffers arrive as such. */
export type ToWorker =
  | { readonly kind: "start"; readonly options: WorkerOptions }
  /** Comes with a connection that the primary has accepted, unread. */
  | { readonly kind: "connection" }
  /** The connection has been sent. A process that has no descriptor left has not received it. */
  | { readonly kind: "connection sent" }
  | { readonly kind: "measure" }
  | { readonly kind: "watch"; readonly isWatched: boolean }
  | { readonly kind: "announce end" }
  | { readonly kind: "close" };

export type FromWorker =
  | { readonly kind: "ready"; readonly instanceId: string }
  | { readonly kind: "taken" }
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
