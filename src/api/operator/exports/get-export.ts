import { createRoute } from "@hono/zod-openapi";
import { renderAccountExport } from "../../exports/render-export.ts";
import { accountExportBody, exportParams } from "../../wire/export.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { findKnownExport } from "./find-export.ts";

const route = createRoute({
  method: "get",
  path: "/v1/exports/{export}",
  operationId: "getExport",
  tags: ["exports"],
  summary: "Read how far an export is, what it has, what it costs and why it failed",
  security: OPERATOR_SECURITY,
  request: { params: exportParams },
  responses: answers(200, "The export.", accountExportBody),
});

/** `GET /v1/exports/{export}`. Errors: `export_unknown`. */
export function addGetExport(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const job = await findKnownExport(services, context.req.valid("param").export);
    return context.json(renderAccountExport(job), 200);
  });
}
