import { createOperatorApi } from "../api/operator/create-operator-api.ts";
import { ensureOperatorToken, type OperatorToken } from "../api/operator/operator-token.ts";
import { serveOperator } from "../api/operator/serve-operator.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load-config.ts";
import { requireUpstream } from "../config/require-upstream.ts";
import { loadContract } from "../contract/load-contract.ts";
import type { Database } from "../ledger/database/database.ts";
import { returnMemory } from "../ledger/database/embedded/return-memory.ts";
import {
  type DatabaseTarget,
  type OpenDatabaseOptions,
  openDatabase,
} from "../ledger/database/open-database.ts";
import { withPatience } from "../ledger/database/patience.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { TrafficFeed } from "../telemetry/traffic-feed.ts";
import { Closing } from "./closing.ts";
import { type Listen, refuseAddress, renderUrl } from "./listen.ts";
import { openConsole } from "./open-console.ts";
import { openGateway } from "./open-gateway.ts";
import { openInstance } from "./open-instance.ts";
import { renderPageUrls } from "./open-pages.ts";
import { openSidecar } from "./open-sidecar.ts";
import { prepareDatabase } from "./prepare-database.ts";
import { startBackground } from "./start-background.ts";
import { countWorkers } from "./workers/count-workers.ts";
import { Workers } from "./workers/workers.ts";

export type { Listen } from "./listen.ts";

export interface FareboxOptions {
  /** The configuration, or the path of its file. */
  readonly config: Config | string;
  readonly database: DatabaseTarget;
  /** Keeps the operator token, when none is given. */
  readonly dataDirectory: string;
  readonly listen: Listen;
  readonly operatorListen: Listen;
  /** Undefined: the data directory's, which is made at the first start. */
  readonly operatorToken: string | undefined;
  readonly logger: Logger;
  readonly version: string;
  /** Starts without an upstream too: beside an application that has Farebox in its own process, on the same file. */
  readonly withoutUpstream?: boolean;
  /** How long a start waits for its database, at each of its steps; 30,000 by default. */
  readonly databaseRetryMs?: number;
  readonly onDatabaseRetry?: OpenDatabaseOptions["onRetry"];
}

/** A running Farebox. */
export interface Running {
  /** `http://127.0.0.1:8080` */
  readonly gateway: string;
  readonly operator: string;
  /** The customers' pages and the operators'; undefined where they are off. */
  readonly portal: string | undefined;
  readonly console: string | undefined;
  /** Where APIs ask for holds, `http://127.0.0.1:8402` or `unix:/…`; undefined where it is off. */
  readonly sidecar: string | undefined;
  readonly operatorToken: OperatorToken;
  /**
   * Tells load balancers to send to others, for `gateway.drainDelay`: `/readyz` is 503 and answers end their connections, while
   * requests are still taken. Resolves then, or when closing begins. Never rejects.
   */
  announceEnd(): Promise<void>;
  /**
   * Takes no more requests, lets those under way finish and settle, gives the leases back and closes the database. Never
   * rejects: what could not be closed is logged, and found again by the others for want of heartbeats.
   */
  close(): Promise<void>;
}

/**
 * Starts the gateway and the operator API. Ready when both listen. With `workers` in the configuration the gateway is that many
 * processes, which Node's cluster module starts from this one. Rejects, with nothing left running, with the errors of loadConfig,
 * openDatabase and migrate, and as `listen` does.
 */
export async function startFarebox(options: FareboxOptions): Promise<Running> {
  const closing = new Closing(options.logger);
  try {
    return await start(options, closing);
  } catch (error) {
    await closing.run();
    throw error;
  }
}

async function start(options: FareboxOptions, closing: Closing): Promise<Running> {
  const { logger, listen, operatorListen, version } = options;
  const config = typeof options.config === "string" ? loadConfig(options.config) : options.config;
  if (options.withoutUpstream !== true)
    requireUpstream(config, typeof options.config === "string" ? options.config : undefined);
  // Before anything is written: a contract that cannot be read refuses the start.
  loadContract(config.contract);
  const { onDatabaseRetry: onRetry, databaseRetryMs: retryMs } = options;
  const patience = { ...(onRetry && { onRetry }), ...(retryMs === undefined ? {} : { retryMs }) };
  // Every step until the listeners are open: the database may break off between any two.
  const patiently = <T>(step: () => Promise<T>): Promise<T> => withPatience(options.database, patience, step);
  const database = await openDatabase(options.database, patience);
  closing.add("database", () => database.close());
  const workerCount = countWorkers(config.workers, database.kind);
  tellOfStorage(database, logger);
  const planWatch = await prepareDatabase(database, config, logger, patiently);
  const operatorToken = ensureOperatorToken(options.dataDirectory, options.operatorToken);
  const metrics = createMetrics();
  const traffic = new TrafficFeed();
  const parts = { database, config, metrics, logger, closing, patiently };
  const instance = await openInstance(parts);
  startBackground(parts, planWatch, instance);
  const workers =
    workerCount === 1 ? undefined : new Workers({ ...options, config, metrics, traffic, count: workerCount });
  const gateway = workers ?? (await openGateway(parts, instance, { ...options, traffic }));
  let ready = false;
  const api = createOperatorApi({
    database,
    config,
    token: operatorToken.token,
    console: openConsole(database, config, operatorToken.token, logger),
    logger,
    metrics: workers?.metrics ?? metrics,
    traffic,
    version,
    instanceId: () => instance.ledger.instanceId,
    workers: () => workers?.list() ?? [],
    isReady: () => ready && workers?.isServing !== false,
    isDatabaseAway: () => instance.meter.isDatabaseAway,
  });
  const operator = await serveOperator(api, operatorListen).catch(refuseAddress(operatorListen));
  closing.add("operator API", () => operator.close());
  // Streams have no end of their own.
  closing.add("traffic", async () => traffic.close());
  const { token } = operatorToken;
  const sidecar = await openSidecar(parts, instance, { operatorToken: token, version });
  closing.add("gateway", () => gateway.close(), "serving");
  // Before the first request: later one of them would wait for it.
  returnMemory();
  const address = await gateway.listen(listen.host, listen.port).catch(refuseAddress(listen));
  ready = true;
  closing.add("readiness", async () => {
    ready = false;
  });
  const announceEnd = (): Promise<void> => {
    ready = false;
    return gateway.announceEnd();
  };
  const gatewayUrl = renderUrl(address, config.gateway.tls === undefined ? "http" : "https");
  const urls = { gateway: gatewayUrl, operator: operator.url };
  const close = (): Promise<void> => closing.run();
  return { ...urls, ...renderPageUrls(config, urls), sidecar, operatorToken, announceEnd, close };
}

function tellOfStorage(database: Database, logger: Logger): void {
  if (database.isPooled)
    logger.info("a pooler stands in front of the database: each transaction has its own settings");
  if (database.kind !== "pglite") return;
  logger.warn(
    "the embedded database survives the end of this process however it ends, and makes no promise about the loss of power: use Postgres (DATABASE_URL) in production",
  );
}
