import { createRoute } from "@hono/zod-openapi";
import { renderExport } from "../../exports/render-export.ts";
import { exportBody, exportParams } from "../../wire/export.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { readOwnExport } from "./read-own-export.ts";

/** `GET {prefix}/exports/{export}`: how far an export is, what it has and what it costs. */
export function addGetExport(app: CustomerApp, { config, database }: CustomerServices): void {
  const route = createRoute({
    method: "get",
    path: `${config.customerApi.path}/exports/{export}`,
    operationId: "getExport",
    tags: ["exports"],
    summary: "Read how far an export is, what it has and what it costs",
    security: CUSTOMER_SECURITY,
    request: { params: exportParams },
    responses: answers(200, "The export.", exportBody),
  });
  app.openapi(route, async (context) => {
    const { export: exportId } = context.req.valid("param");
    return context.json(renderExport(await readOwnExport(database, context.env.caller, exportId)), 200);
  });
}
