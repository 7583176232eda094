import { creditsToJson } from "../domain/credits.ts";
import type { Database } from "../ledger/database/database.ts";
import { listPlans, type NewPlan, type Plan, publishPlans } from "../ledger/plans/plans.ts";
import type { Logger } from "../telemetry/logger.ts";
import { PlanWatch } from "./plan-watch.ts";

/**
 * Publishes the file's plans, and says what differs from those before: the accounts that have a changed one follow, and that must
 * not go unnoticed. Gives the watch that tells when another process publishes other ones.
 */
export async function publishFilePlans(
  database: Database,
  plans: readonly NewPlan[],
  logger: Logger,
): Promise<PlanWatch> {
  const { published, stored } = await database.transaction(async (tx) => ({
    published: await publishPlans(tx, plans),
    stored: await listPlans(tx),
  }));
  const created = published.filter(({ before }) => before === null).map(({ name }) => name);
  if (created.length > 0) logger.info({ plans: created }, "plans published");
  for (const { name, version, before } of published) {
    if (before === null) continue;
    const after = stored.find((plan) => plan.name === name);
    logger.warn(
      { plan: name, version, before: renderPlan(before), after: after && renderPlan(after) },
      "the file's plan differs from the one before and was published: accounts that have it follow",
    );
  }
  return new PlanWatch(plans, new Map(stored.map(({ name, version }) => [name, version])), logger);
}

/** As text: amounts are bigint, which no log line has. */
function renderPlan({ recurring, limits, caps }: Plan): string {
  const print = (_: string, value: unknown): unknown =>
    typeof value === "bigint" ? creditsToJson(value) : value;
  return JSON.stringify({ recurring, limits, caps }, print);
}
