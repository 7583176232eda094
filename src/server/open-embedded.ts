import { createOperatorApi } from "../api/operator/create-operator-api.ts";
import { ensureOperatorToken } from "../api/operator/operator-token.ts";
import { serveOperator } from "../api/operator/serve-operator.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load-config.ts";
import { loadContract } from "../contract/load-contract.ts";
import { type DatabaseTarget, openDatabase } from "../ledger/database/open-database.ts";
import { withPatience } from "../ledger/database/patience.ts";
import type { HoldOptions } from "../sidecar/hold-parts.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createSidecarTelemetry } from "../telemetry/sidecar-telemetry.ts";
import { TrafficFeed } from "../telemetry/traffic-feed.ts";
import { Closing } from "./closing.ts";
import { removeInstanceFile, writeInstanceFile } from "./instance-file.ts";
import { type Listen, refuseAddress } from "./listen.ts";
import { openConsole } from "./open-console.ts";
import { type OpenExchange, openExchange } from "./open-exchange.ts";
import { openHolds } from "./open-holds.ts";
import { type Instance, openInstance, type ProcessParts } from "./open-instance.ts";
import { prepareDatabase } from "./prepare-database.ts";
import { startBackground } from "./start-background.ts";

export interface EmbeddedOptions {
  /** The configuration, or the path of its file. */
  readonly config: Config | string;
  readonly database: DatabaseTarget;
  readonly dataDirectory: string;
  /** Where the operator API listens; undefined: it does not. */
  readonly operator: Listen | undefined;
  readonly operatorToken: string | undefined;
  readonly logger: Logger;
  readonly version: string;
}

/** Farebox inside of an application: an instance of its own, and what doors need. */
export interface Embedded {
  readonly config: Config;
  readonly meter: Instance["meter"];
  readonly exchange: OpenExchange;
  /** Opens what holds are made with; asked once at most. */
  readonly openHolds: () => Promise<HoldOptions>;
  /** `http://127.0.0.1:8401`; undefined where it is off. */
  readonly operator: string | undefined;
  /** What is closed with it, and before it. */
  readonly closing: Closing;
}

/**
 * Opens the database, brings schema, plans and prices up to date as a start does, registers an instance, and begins with what runs in the
 * background. Rejects, with nothing left open, with the errors of loadConfig, openDatabase and migrate, and as `listen` does.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const closing = new Closing(options.logger);
  try {
    return await open(options, closing);
  } catch (error) {
    await closing.run();
    throw error;
  }
}

async function open(options: EmbeddedOptions, closing: Closing): Promise<Embedded> {
  const { logger, dataDirectory, version } = options;
  const config = typeof options.config === "string" ? loadConfig(options.config) : options.config;
  // Before anything is written: a contract that cannot be read refuses the start.
  loadContract(config.contract);
  const patiently = <T>(step: () => Promise<T>): Promise<T> => withPatience(options.database, {}, step);
  const database = await openDatabase(options.database, {});
  closing.add("database", () => database.close());
  const planWatch = await prepareDatabase(database, config, logger, patiently);
  const parts = { database, config, metrics: createMetrics(), logger, closing, patiently };
  const instance = await openInstance(parts);
  startBackground(parts, planWatch, instance);
  const traffic = new TrafficFeed();
  const operator = await openOperator(options, parts, instance, traffic);
  closing.add("traffic", async () => traffic.close());
  const exchange = await openExchange(parts, instance, { dataDirectory, version, traffic });
  const openCount = (): number => holds?.holds.open ?? 0;
  const events = createSidecarTelemetry(parts.metrics.registry, logger, openCount, instance.refused);
  let holds: HoldOptions | undefined;
  return {
    config,
    meter: instance.meter,
    exchange,
    openHolds: async () => (holds ??= await openHolds(parts, instance, events.holds)),
    operator,
    closing,
  };
}

async function openOperator(
  { operator: listen, dataDirectory, operatorToken, version }: EmbeddedOptions,
  { database, config, metrics, logger, closing }: ProcessParts,
  { ledger, meter }: Instance,
  traffic: TrafficFeed,
): Promise<string | undefined> {
  if (listen === undefined) return undefined;
  const { token } = ensureOperatorToken(dataDirectory, operatorToken);
  let isReady = true;
  const api = createOperatorApi({
    database,
    config,
    token,
    console: openConsole(database, config, token, logger),
    logger,
    metrics,
    traffic,
    version,
    instanceId: () => ledger.instanceId,
    workers: () => [],
    isReady: () => isReady,
    isDatabaseAway: () => meter.isDatabaseAway,
  });
  const server = await serveOperator(api, listen).catch(refuseAddress(listen));
  closing.add("operator API", () => server.close());
  const { url } = server;
  // The command line finds it by its data directory, as it does `farebox start`.
  writeInstanceFile(dataDirectory, { operator: url, gateway: url, pid: process.pid });
  closing.add("readiness", async () => {
    isReady = false;
    removeInstanceFile(dataDirectory);
  });
  return url;
}
