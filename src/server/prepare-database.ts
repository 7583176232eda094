import type { Config } from "../config/config.ts";
import type { Database } from "../ledger/database/database.ts";
import { migrate } from "../ledger/migrate.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { ProcessParts } from "./open-instance.ts";
import type { PlanWatch } from "./plan-watch.ts";
import { publishFilePlans } from "./publish-plans.ts";
import { publishPrices } from "./publish-prices.ts";

/** Brings schema, plans and prices of the database up to this version and this configuration. */
export async function prepareDatabase(
  database: Database,
  config: Config,
  logger: Logger,
  patiently: ProcessParts["patiently"],
): Promise<PlanWatch> {
  const onApplied = (migration: string): void => logger.info({ migration }, "migration applied");
  const { version } = await patiently(() => migrate(database, onApplied));
  logger.debug({ version }, "the schema is up to date");
  const planWatch = await patiently(() => publishFilePlans(database, config.plans, logger));
  await patiently(() => publishPrices(database, config, logger));
  return planWatch;
}
