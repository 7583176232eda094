import type { Config } from "../config/config.ts";
import type { Database } from "../ledger/database/database.ts";
import { type LedgerHandle, openLedger } from "../ledger/open-ledger.ts";
import { loadPriceList } from "../ledger/price-lists/price-lists.ts";
import { createMeter } from "../meter/create-meter.ts";
import { createLaneTelemetry } from "../telemetry/lane-telemetry.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createMeterTelemetry } from "../telemetry/meter-telemetry.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type CountRefusal, createRefusalTelemetry } from "../telemetry/refusal-telemetry.ts";
import type { Closing } from "./closing.ts";
import { writeRefusals } from "./write-refusals.ts";

const SECONDS_PER_HOUR = 3_600;

/** The embedded database answers one at a time, and a report may keep it so long. */
const EMBEDDED_SILENCE_MS = 5_000;

/** What every process of a Farebox has. */
export interface ProcessParts {
  readonly database: Database;
  readonly config: Config;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly closing: Closing;
  /** Takes a step of the start again while the database is away. */
  readonly patiently: <T>(step: () => Promise<T>) => Promise<T>;
}

/** What the database calls an instance: it has heartbeats and may hold leases. */
export interface Instance {
  readonly ledger: LedgerHandle;
  readonly meter: ReturnType<typeof createMeter>;
  /** Whoever answers a request with a refusal tells it, once. */
  readonly refused: CountRefusal;
}

/** Registers an instance and lets its meter begin. Both are closed with the rest. Rejects like openLedger. */
export async function openInstance(parts: ProcessParts): Promise<Instance> {
  const { database, config, metrics, logger, closing, patiently } = parts;
  const options = {
    shards: config.shards,
    idempotencyKeepSeconds: config.idempotency.keepHours * SECONDS_PER_HOUR,
    events: createLaneTelemetry(metrics.registry, () => ledger.queueLength),
  };
  // One that was registered in vain is found dead by the others, and has leased nothing.
  const ledger: LedgerHandle = await patiently(() => openLedger(database, options));
  closing.add("ledger", () => ledger.close());
  const refusals = writeRefusals(ledger.refusals, logger);
  closing.add("refusals", () => refusals.stop());
  const refused = createRefusalTelemetry(metrics.registry, (code, creditType) =>
    ledger.refusals.count(code, creditType),
  );
  const meter = createMeter({
    ledger,
    priceLists: { readPriceList: (version) => loadPriceList(database, version) },
    limits: config.limits,
    ownLimit: config.customerApi,
    leases: config.leases,
    keyForms: config.keys.forms,
    ...(database.kind === "pglite" ? { silenceMs: EMBEDDED_SILENCE_MS } : {}),
    events: createMeterTelemetry(metrics.registry, logger),
  });
  await patiently(() => meter.start());
  closing.add("meter", () => meter.close());
  return { ledger, meter, refused };
}
