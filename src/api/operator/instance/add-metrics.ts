import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

/** `GET /metrics`: in the Prometheus text format, with a token of any role but `portal`: names of endpoints are not public. */
export function addMetrics(app: OperatorApp, services: OperatorServices): void {
  app.get("/metrics", async (context) =>
    context.body(await services.metrics.render(), 200, { "content-type": services.metrics.contentType }),
  );
}
