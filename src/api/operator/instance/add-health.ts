import { FareboxError } from "../../../domain/farebox-error.ts";
import type { Queryable } from "../../../ledger/database/database.ts";
import { readServer } from "../../../ledger/database/read-server.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

/** Load balancers give up after some seconds, and a network that swallows answers takes longer. */
const PATIENCE_MS = 1_000;

/**
 * `GET /healthz`: the process answers. `GET /readyz`: it takes requests and the database answers. Both without a token,
 * because load balancers have none, and without data.
 */
export function addHealth(app: OperatorApp, services: OperatorServices): void {
  app.get("/healthz", (context) => context.json({ status: "ok" }));
  app.get("/readyz", async (context) => {
    if (!services.isReady()) throw new FareboxError("not_ready", "This instance does not take requests.");
    if (services.isDatabaseAway()) throw away("its heartbeats fail");
    await askSoon(services.database);
    return context.json({ status: "ok" });
  });
}

async function askSoon(database: Queryable): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(away(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  try {
    await Promise.race([readServer(database), promise]);
  } finally {
    clearTimeout(timer);
  }
}

function away(reason: string): FareboxError {
  return new FareboxError("storage_unavailable", `The database is not available: ${reason}.`, {
    retryable: true,
  });
}
