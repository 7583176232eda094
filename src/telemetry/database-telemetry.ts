import { Counter, Gauge, type Registry } from "prom-client";
import { isDatabaseAway } from "../ledger/database/storage-error.ts";
import type { Logger } from "./logger.ts";

/** While the database is away the log says so again this often. */
const REMIND_MS = 60_000;

/** What the log and the metrics say of a database that is away: one line when it goes, one when it is back. */
export interface DatabaseTelemetry {
  /** The heartbeats found that it is away. */
  away(error: unknown): void;
  back(awayMs: number): void;
  /** Of several servers one is away, with so many shards. */
  shardsAway(count: number): void;
  shardsBack(awayMs: number): void;
  /** Whether such an error says only that it is away: a line of its own would say nothing new. */
  covers(error: unknown): boolean;
}

export function createDatabaseTelemetry(registry: Registry, logger: Logger): DatabaseTelemetry {
  let since: number | undefined;
  let counted = 0;
  let reminder: NodeJS.Timeout | undefined;
  const secondsSince = (from: number): number => (performance.now() - from) / 1000;
  const gauge = new Gauge({
    name: "farebox_database_away",
    help: "1 while the database is away and nothing is sold, else 0.",
    registers: [],
    aggregator: "max",
    collect() {
      this.set(since === undefined ? 0 : 1);
    },
  });
  registry.registerMetric(gauge);
  const seconds = new Counter({
    name: "farebox_database_away_seconds_total",
    help: "For how long the database was away.",
    registers: [registry],
    collect() {
      if (since !== undefined) count(secondsSince(since));
    },
  });
  const count = (total: number): void => {
    seconds.inc(Math.max(0, total - counted));
    counted = total;
  };
  return {
    away: (error) => {
      since ??= performance.now();
      const began = since;
      const reason = error instanceof Error ? error.message : String(error);
      logger.error({ reason }, "the database is away: priced requests are refused until it is back");
      clearInterval(reminder);
      reminder = setInterval(() => {
        logger.warn({ seconds: Math.round(secondsSince(began)) }, "the database is still away");
      }, REMIND_MS).unref();
    },
    back: (awayMs) => {
      clearInterval(reminder);
      if (since !== undefined) count(secondsSince(since));
      since = undefined;
      counted = 0;
      logger.warn(
        { seconds: Number((awayMs / 1000).toFixed(1)) },
        `the database is back after ${(awayMs / 1000).toFixed(1)} s`,
      );
    },
    ...tellOfShards(registry, logger),
    covers: isDatabaseAway,
  };
}

/** Of several servers: one line when one goes, and one when all are back. */
function tellOfShards(
  registry: Registry,
  logger: Logger,
): Pick<DatabaseTelemetry, "shardsAway" | "shardsBack"> {
  const away = new Gauge({
    name: "farebox_shards_away",
    help: "Shards whose database server does not answer while others do: calls of their accounts are refused.",
    registers: [registry],
    aggregator: "max",
  });
  return {
    shardsAway: (shards) => {
      away.set(shards);
      logger.error({ shards }, "a database server is away: priced requests for its shards are refused");
    },
    shardsBack: (awayMs) => {
      away.set(0);
      const seconds = Number((awayMs / 1000).toFixed(1));
      logger.warn({ seconds }, `all database servers answer again, after ${seconds.toFixed(1)} s`);
    },
  };
}
