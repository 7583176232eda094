import { createRoute } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { cancelExport } from "../../../ledger/exports/ask-for-export.ts";
import { renderAccountExport } from "../../exports/render-export.ts";
import { idempotencyHeader } from "../../operation.ts";
import { accountExportBody, exportParams } from "../../wire/export.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { findKnownExport } from "./find-export.ts";

const route = createRoute({
  method: "post",
  path: "/v1/exports/{export}/cancel",
  operationId: "cancelExport",
  tags: ["exports"],
  summary: "End an export before it is charged; it costs nothing",
  security: OPERATOR_SECURITY,
  request: { params: exportParams, headers: idempotencyHeader },
  responses: answers(200, "The export.", accountExportBody),
});

/** `POST /v1/exports/{export}/cancel`. Errors: `export_unknown`, `export_finished`. */
export function addCancelExport(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { export: exportId } = context.req.valid("param");
    const found = await findKnownExport(services, exportId);
    const body = await mutate(context, services, 200, async (tx) => {
      const result = await cancelExport(tx, found);
      if (result.kind === "finished") {
        throw new FareboxError("export_finished", `The export is ${result.state} and cannot be cancelled.`, {
          detail: { exportId },
        });
      }
      const { accountId, records } = result.job;
      const audit = { action: "export.cancel", accountId, target: exportId, detail: { records } };
      return { body: renderAccountExport(result.job), audit };
    });
    return context.json(body, 200);
  });
}
