import { createRoute } from "@hono/zod-openapi";
import { cancelExport } from "../../../ledger/exports/ask-for-export.ts";
import { renderExport } from "../../exports/render-export.ts";
import { idempotencyHeader } from "../../operation.ts";
import { exportBody, exportParams } from "../../wire/export.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { mutate } from "../mutate.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { RefusalError } from "../refusal-error.ts";
import { readOwnExport } from "./read-own-export.ts";

/** `POST {prefix}/exports/{export}/cancel`: ends an export before it is charged; it costs nothing. */
export function addCancelExport(app: CustomerApp, { config, database }: CustomerServices): void {
  const route = createRoute({
    method: "post",
    path: `${config.customerApi.path}/exports/{export}/cancel`,
    operationId: "cancelExport",
    tags: ["exports"],
    summary: "End an export before it is charged; it costs nothing",
    security: CUSTOMER_SECURITY,
    request: { params: exportParams, headers: idempotencyHeader },
    responses: answers(200, "The export.", exportBody),
  });
  app.openapi(route, async (context) => {
    const { export: exportId } = context.req.valid("param");
    const job = await readOwnExport(database, context.env.caller, exportId);
    const body = await mutate(context, database, 200, async (tx) => {
      const result = await cancelExport(tx, job);
      if (result.kind === "finished") refuseFinished(result.state);
      return { body: renderExport(result.job), audit: { action: "export.cancel", target: exportId } };
    });
    return context.json(body, 200);
  });
}

function refuseFinished(state: string): never {
  throw new RefusalError({
    code: "state_conflict",
    reason: `The export is ${state} and cannot be cancelled.`,
  });
}
