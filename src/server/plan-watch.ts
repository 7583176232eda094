import type { Database } from "../ledger/database/database.ts";
import { listPlans, type NewPlan } from "../ledger/plans/plans.ts";
import type { Logger } from "../telemetry/logger.ts";

/**
 * Tells when another process has published a plan that this one's configuration has too, with other contents: two instances with
 * different files would else change the plans of all accounts at each start, one after the other, and nobody would know.
 */
export class PlanWatch {
  readonly #versions = new Map<string, number>();
  readonly #logger: Logger;

  /** `versions`: of the configuration's plans, as they were when it was published. */
  constructor(plans: readonly NewPlan[], versions: ReadonlyMap<string, number>, logger: Logger) {
    for (const { name } of plans) this.#versions.set(name, versions.get(name) ?? 0);
    this.#logger = logger;
  }

  /** Warns once for each version that is not this process's. */
  async check(database: Database): Promise<void> {
    if (this.#versions.size === 0) return;
    for (const { name, version } of await listPlans(database)) {
      const known = this.#versions.get(name);
      if (known === undefined || version <= known) continue;
      this.#versions.set(name, version);
      this.#logger.warn(
        { plan: name, version },
        "another process published this plan with other contents than this one's configuration has: start all instances with the same file",
      );
    }
  }
}
