import { createCustomerApi } from "../api/customer/create-customer-api.ts";
import { createOperatorApi } from "../api/operator/create-operator-api.ts";
import { ensureOperatorToken, type OperatorToken } from "../api/operator/operator-token.ts";
import { serveOperator } from "../api/operator/serve-operator.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load-config.ts";
import type { Contract } from "../contract/contract.ts";
import { loadContract } from "../contract/load-contract.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { createGateway, type Gateway } from "../gateway/create-gateway.ts";
import type { Database } from "../ledger/database/database.ts";
import {
  type DatabaseTarget,
  type OpenDatabaseOptions,
  openDatabase,
} from "../ledger/database/open-database.ts";
import { withPatience } from "../ledger/database/patience.ts";
import { ensureLinkSecret } from "../ledger/exports/link-secret.ts";
import { migrate } from "../ledger/migrate.ts";
import { type LedgerHandle, openLedger } from "../ledger/open-ledger.ts";
import { loadPriceList } from "../ledger/price-lists/price-lists.ts";
import { createMeter } from "../meter/create-meter.ts";
import type { Meter } from "../meter/meter.ts";
import { readUsageFacts } from "../meter/read-usage-facts.ts";
import { createGatewayTelemetry } from "../telemetry/gateway-telemetry.ts";
import { createLaneTelemetry } from "../telemetry/lane-telemetry.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createMeterTelemetry } from "../telemetry/meter-telemetry.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { createSweepTelemetry } from "../telemetry/sweep-telemetry.ts";
import { startBulkRefunder } from "./bulk-refunder.ts";
import { Closing } from "./closing.ts";
import { openPortal } from "./open-pages.ts";
import { openSessions } from "./open-sessions.ts";
import type { PlanWatch } from "./plan-watch.ts";
import { publishFilePlans } from "./publish-plans.ts";
import { publishPrices } from "./publish-prices.ts";
import { type RunningExports, runExports } from "./run-exports.ts";
import { startSweeper } from "./sweeper.ts";

const SECONDS_PER_HOUR = 3_600;

/** The embedded database answers one at a time, and a report may keep it so long. */
const EMBEDDED_SILENCE_MS = 5_000;

/** Where a listener listens; port 0 takes any free one. */
export interface Listen {
  readonly host: string;
  readonly port: number;
}

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
  /** How long a start waits for its database, at each of its steps; 30,000 by default. */
  readonly databaseRetryMs?: number;
  readonly onDatabaseRetry?: OpenDatabaseOptions["onRetry"];
}

/** A running Farebox. */
export interface Running {
  /** `http://127.0.0.1:8080` */
  readonly gateway: string;
  readonly operator: string;
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
 * Starts the gateway and the operator API. Ready when both listen. Rejects, with nothing left running, with the errors of
 * loadConfig, openDatabase and migrate, and as `listen` does.
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
  const { logger, dataDirectory, listen, operatorListen } = options;
  const config = typeof options.config === "string" ? loadConfig(options.config) : options.config;
  const contract = loadContract(config.contract);
  const { onDatabaseRetry: onRetry, databaseRetryMs: retryMs } = options;
  const patience = { ...(onRetry && { onRetry }), ...(retryMs === undefined ? {} : { retryMs }) };
  // Every step until the listeners are open: the database may break off between any two.
  const patiently = <T>(step: () => Promise<T>): Promise<T> => withPatience(options.database, patience, step);
  const database = await openDatabase(options.database, patience);
  closing.add("database", () => database.close());
  tellOfStorage(database, logger);
  const planWatch = await prepare(database, config, logger, patiently);
  const operatorToken = ensureOperatorToken(options.dataDirectory, options.operatorToken);
  const metrics = createMetrics();
  const ledgerOptions = {
    shards: config.shards,
    idempotencyKeepSeconds: config.idempotency.keepHours * SECONDS_PER_HOUR,
    events: createLaneTelemetry(metrics.registry, () => ledger.queueLength),
  };
  // One that was registered in vain is found dead by the others, and has leased nothing.
  const ledger: LedgerHandle = await patiently(() => openLedger(database, ledgerOptions));
  closing.add("ledger", () => ledger.close());
  startBackground(database, config, planWatch, { metrics, logger, closing });
  const meter = openMeter(ledger, database, config, metrics, logger);
  await patiently(() => meter.start());
  closing.add("meter", () => meter.close());
  const linkSecret = await patiently(() => ensureLinkSecret(database));
  const owner = ledger.instanceId;
  const exports = await runExports({ database, config, dataDirectory, owner, linkSecret, metrics, logger });
  closing.add("exports", () => exports.stop());
  const gateway = openGateway(options, config, { contract, meter, database, metrics, exports });
  let ready = false;
  const api = createOperatorApi({
    database,
    config,
    token: operatorToken.token,
    logger,
    metrics,
    version: options.version,
    instanceId: () => ledger.instanceId,
    isReady: () => ready,
    isDatabaseAway: () => meter.isDatabaseAway,
  });
  const operator = await serveOperator(api, operatorListen).catch(refuseAddress(operatorListen));
  closing.add("operator API", () => operator.close());
  closing.add("gateway", () => gateway.close(), "serving");
  const address = await gateway.listen(listen.host, listen.port).catch(refuseAddress(listen));
  ready = true;
  closing.add("readiness", async () => {
    ready = false;
  });
  const announceEnd = (): Promise<void> => {
    ready = false;
    return gateway.announceEnd();
  };
  const urls = {
    gateway: renderUrl(address, config.gateway.tls === undefined ? "http" : "https"),
    operator: operator.url,
  };
  return { ...urls, operatorToken, announceEnd, close: () => closing.run() };
}

function openMeter(
  ledger: LedgerHandle,
  database: Database,
  config: Config,
  metrics: Metrics,
  logger: Logger,
): ReturnType<typeof createMeter> {
  return createMeter({
    ledger,
    priceLists: { readPriceList: (version) => loadPriceList(database, version) },
    limits: config.limits,
    ownLimit: config.customerApi,
    leases: config.leases,
    ...(database.kind === "pglite" ? { silenceMs: EMBEDDED_SILENCE_MS } : {}),
    events: createMeterTelemetry(metrics.registry, logger),
  });
}

interface GatewayServices {
  readonly contract: Contract;
  readonly meter: Meter;
  readonly database: Database;
  readonly metrics: Metrics;
  readonly exports: RunningExports;
}

/** The gateway with the customer API behind it: neither door knows the other. */
function openGateway(
  { logger, version }: FareboxOptions,
  config: Config,
  { contract, meter, database, metrics, exports: { service, links } }: GatewayServices,
): Gateway {
  const { customerApi, exports } = config;
  return createGateway({
    config,
    contract,
    meter,
    accountEndpoints: customerApi.enabled
      ? createCustomerApi({ database, config, contract, meter, exportLinks: links, version })
      : undefined,
    pages: openPortal(config),
    portal: openSessions({ database, config, contract, meter, exportLinks: links, version }),
    exports: {
      service,
      links,
      kinds: exports.kinds,
      customerApi: customerApi.enabled ? customerApi.path : undefined,
    },
    readUsage: (identity, question) =>
      readUsageFacts(database, config.creditTypes[0] ?? "credits", identity, question),
    events: createGatewayTelemetry(metrics.registry, logger),
    clock: { unixMs: () => Date.now() },
  });
}

/** What runs by itself beside the requests, on every instance. */
function startBackground(
  database: Database,
  config: Config,
  planWatch: PlanWatch,
  {
    metrics,
    logger,
    closing,
  }: { readonly metrics: Metrics; readonly logger: Logger; readonly closing: Closing },
): void {
  const { shards, leases } = config;
  const events = createSweepTelemetry(metrics.registry, logger);
  const options = { shards, deadAfterMs: leases.deadAfterMs };
  const sweeper = startSweeper(database, options, planWatch, events, logger);
  closing.add("sweeper", () => sweeper.stop());
  const bulkRefunder = startBulkRefunder(database, logger);
  closing.add("bulk refunder", () => bulkRefunder.stop());
}

/** The system's own text for a port that is taken names neither the listener nor the mend. */
function refuseAddress(listen: Listen): (error: unknown) => never {
  return (cause) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FareboxError("listen_failed", `Cannot listen on ${listen.host}:${listen.port}: ${reason}`, {
      detail: {
        ...listen,
        mend: "Stop what listens there, or choose another address; port 0 takes any free one.",
      },
      cause,
    });
  };
}

/** Brings schema, plans and prices of the database up to this version and this configuration. */
async function prepare(
  database: Database,
  config: Config,
  logger: Logger,
  patiently: <T>(step: () => Promise<T>) => Promise<T>,
): Promise<PlanWatch> {
  const onApplied = (migration: string): void => logger.info({ migration }, "migration applied");
  const { version } = await patiently(() => migrate(database, onApplied));
  logger.debug({ version }, "the schema is up to date");
  const planWatch = await patiently(() => publishFilePlans(database, config.plans, logger));
  await patiently(() => publishPrices(database, config, logger));
  return planWatch;
}

function tellOfStorage(database: Database, logger: Logger): void {
  if (database.isPooled)
    logger.info("a pooler stands in front of the database: each transaction has its own settings");
  if (database.kind !== "pglite") return;
  logger.warn(
    "the embedded database survives the end of this process however it ends, and makes no promise about the loss of power: use Postgres (DATABASE_URL) in production",
  );
}

function renderUrl(address: Listen, scheme: "http" | "https"): string {
  return `${scheme}://${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
