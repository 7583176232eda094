import { createRoute } from "@hono/zod-openapi";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { listAllExports, listExports } from "../../../ledger/exports/read-exports.ts";
import { renderAccountExport } from "../../exports/render-export.ts";
import { accountExportPage, accountExportQuery } from "../../wire/export.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { shardsOf } from "./find-export.ts";

const route = createRoute({
  method: "get",
  path: "/v1/exports",
  operationId: "listExports",
  tags: ["exports"],
  summary: "List exports of one account or of all, the newest first",
  security: OPERATOR_SECURITY,
  request: { query: accountExportQuery },
  responses: answers(200, "A page of exports.", accountExportPage),
});

/** `GET /v1/exports`. Errors: `account_unknown`, `cursor_invalid`. */
export function addListExports(app: OperatorApp, { database, config }: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account, state, ...page } = context.req.valid("query");
    const query = { ...page, states: state === undefined ? undefined : [state] };
    const { items, next } =
      account === undefined
        ? await listAllExports(database, shardsOf(config), query)
        : await listExports(database, await readAccount(database, account), query);
    return context.json({ exports: items.map(renderAccountExport), next }, 200);
  });
}
