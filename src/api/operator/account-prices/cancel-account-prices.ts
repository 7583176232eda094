import { createRoute } from "@hono/zod-openapi";
import { cancelAccountPrices } from "../../../ledger/price-lists/account-price-lists.ts";
import { idempotencyHeader } from "../../operation.ts";
import { accountPricesBody, accountPricesParams } from "../../wire/price-list.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderAccountPrices } from "./render-account-prices.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/price-lists/{version}/cancel",
  operationId: "cancelAccountPrices",
  tags: ["price lists"],
  summary: "Take an account's price list back, before it takes effect or while it applies",
  security: OPERATOR_SECURITY,
  request: { params: accountPricesParams, headers: idempotencyHeader },
  responses: answers(200, "The cancelled price list.", accountPricesBody),
});

/** `POST /v1/accounts/{account}/price-lists/{version}/cancel`. Again changes nothing. Errors: `account_unknown`, `price_list_unknown`. */
export function addCancelAccountPrices(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account, version } = context.req.valid("param");
    const body = await mutate(context, services, 200, async (tx) => ({
      body: renderAccountPrices(await cancelAccountPrices(tx, account, version)),
      audit: { action: "account_prices.cancel", accountId: account, target: String(version) },
    }));
    return context.json(body, 200);
  });
}
