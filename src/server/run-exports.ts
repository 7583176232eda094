import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { createExportLinks, type ExportLinks } from "../exports/export-links.ts";
import type { Exports } from "../exports/exports.ts";
import { openExports } from "../exports/open-exports.ts";
import type { Database } from "../ledger/database/database.ts";
import { createExportTelemetry } from "../telemetry/export-telemetry.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { repeatStep } from "./repeat-step.ts";
import { openUpstreamAgent } from "./upstream-agent.ts";

export interface RunExportsOptions {
  readonly database: Database;
  readonly config: Config;
  readonly dataDirectory: string;
  /** What this process is called in the database. */
  readonly owner: string;
  /** Signs the links; see ensureLinkSecret. */
  readonly linkSecret: Parameters<typeof createExportLinks>[0];
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export interface RunningExports {
  readonly service: Exports;
  readonly links: ExportLinks;
  /** Exports under way are left between two parts, for other instances or the next start to go on with. */
  stop(): Promise<void>;
}

/** Opens what exports need, and works on them in the background until it is stopped. */
export async function runExports(options: RunExportsOptions): Promise<RunningExports> {
  const { database, config, dataDirectory, owner, linkSecret, metrics, logger } = options;
  const { shards, leases } = config;
  const { kinds, workers, workersPerAccount, linkSeconds } = config.exports;
  const storage = config.exports.storage ?? { kind: "folder", path: join(dataDirectory, "exports") };
  const settings = { kinds, storage, workers, workersPerAccount };
  const links = createExportLinks(linkSecret, linkSeconds, Date.now);
  const events = createExportTelemetry(metrics.registry, logger);
  // An instance that was silent for so long is dead: the others go on with its exports.
  const claimSeconds = Math.max(1, Math.ceil(leases.deadAfterMs / 1_000));
  const dispatcher = openUpstreamAgent(config.upstreams);
  const keyKeepSeconds = config.idempotency.keepHours * 3_600;
  const parts = { database, settings, shards, events, owner, claimSeconds, keyKeepSeconds, dispatcher };
  const service = await openExports(parts);
  // Without kinds there is nothing to ask the database for, again and again.
  const repeated =
    kinds.length === 0
      ? undefined
      : repeatStep({ step: () => service.step(), failure: "a step of exports failed", logger });
  service.onWork(() => repeated?.wake());
  return {
    service,
    links,
    stop: async () => {
      await repeated?.stop();
      await service.stop();
    },
  };
}
