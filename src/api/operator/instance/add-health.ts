import { FareboxError } from "../../../domain/farebox-error.ts";
import { readServer } from "../../../ledger/database/read-server.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

/**
 * `GET /healthz`: the process answers. `GET /readyz`: it takes requests and the database answers. Both without a token,
 * because load balancers have none, and without data.
 */
export function addHealth(app: OperatorApp, services: OperatorServices): void {
  app.get("/healthz", (context) => context.json({ status: "ok" }));
  app.get("/readyz", async (context) => {
    if (!services.isReady()) throw new FareboxError("not_ready", "This instance does not take requests.");
    await readServer(services.database);
    return context.json({ status: "ok" });
  });
}
