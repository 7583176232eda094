import { createRoute } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { listLiveHolds } from "../../../ledger/pools/holds.ts";
import { accountParams } from "../../wire/fields.ts";
import { holdPage } from "../../wire/hold.ts";
import { pageQuery } from "../../wire/page.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts/{account}/holds",
  operationId: "listHolds",
  tags: ["accounts"],
  summary: "List what is set aside of an account's pools right now",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, query: pageQuery },
  responses: answers(200, "A page of holds and leases, by credit type and id.", holdPage),
});

/** `GET /v1/accounts/{account}/holds`. Errors: `account_unknown`, `cursor_invalid`. */
export function addListHolds(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const account = await readAccount(services.database, context.req.valid("param").account);
    const page = await listLiveHolds(services.database, account, context.req.valid("query"));
    const holds = page.items.map((hold) => ({
      id: hold.holdId,
      kind: hold.kind,
      creditType: hold.creditType,
      amount: creditsToJson(hold.amount),
      instance: hold.owner,
      createdAt: hold.createdAt.toISOString(),
      expiresAt: hold.expiresAt?.toISOString() ?? null,
    }));
    return context.json({ account: account.accountId, holds, next: page.next }, 200);
  });
}
