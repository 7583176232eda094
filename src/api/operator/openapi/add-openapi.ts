import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { describeApi } from "./describe-api.ts";

/** `GET /v1/openapi.json`, without a token: it describes this version and carries no data. Added after all operations. */
export function addOpenApi(app: OperatorApp, services: OperatorServices): void {
  let document: object | undefined;
  app.get("/v1/openapi.json", (context) => {
    document ??= describeApi(app, services.version);
    return context.json(document);
  });
}
