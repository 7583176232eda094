import { createRoute } from "@hono/zod-openapi";
import { listExports } from "../../../ledger/exports/read-exports.ts";
import { renderExport } from "../../exports/render-export.ts";
import { exportPage, exportQuery } from "../../wire/export.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";

/** `GET {prefix}/exports`: the account's exports. */
export function addListExports(app: CustomerApp, { config, database }: CustomerServices): void {
  const route = createRoute({
    method: "get",
    path: `${config.customerApi.path}/exports`,
    operationId: "listExports",
    tags: ["exports"],
    summary: "List the account's exports, the newest first",
    security: CUSTOMER_SECURITY,
    request: { query: exportQuery },
    responses: answers(200, "A page of exports.", exportPage),
  });
  app.openapi(route, async (context) => {
    const { state, ...page } = context.req.valid("query");
    const states = state === undefined ? undefined : [state];
    const { items, next } = await listExports(database, context.env.caller, { ...page, states });
    return context.json({ exports: items.map(renderExport), next }, 200);
  });
}
