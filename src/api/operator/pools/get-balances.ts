import { createRoute } from "@hono/zod-openapi";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { readBalances } from "../../../ledger/pools/balances.ts";
import { renderPool } from "../../pools/render-pool.ts";
import { accountParams } from "../../wire/fields.ts";
import { balanceBody } from "../../wire/pool.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts/{account}/balances",
  operationId: "getBalances",
  tags: ["pools"],
  summary: "Read the pools of an account, as of now",
  security: OPERATOR_SECURITY,
  request: { params: accountParams },
  responses: answers(200, "The pools by credit type.", balanceBody),
});

/** `GET /v1/accounts/{account}/balances`. Errors: `account_unknown`. */
export function addGetBalances(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { accountId, shard } = await readAccount(services.database, context.req.valid("param").account);
    const pools = await readBalances(services.database, accountId, shard);
    return context.json({ account: accountId, pools: pools.map(renderPool) }, 200);
  });
}
