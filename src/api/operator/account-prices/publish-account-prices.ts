import { hash } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import { createPriceParser } from "../../../config/check-prices.ts";
import { priceListText } from "../../../domain/prices/price-list-json.ts";
import { listPlans } from "../../../ledger/plans/plans.ts";
import { publishAccountPrices } from "../../../ledger/price-lists/account-price-lists.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { refuseFields } from "../../problem.ts";
import { accountParams } from "../../wire/fields.ts";
import { accountPricesBody, newAccountPrices } from "../../wire/price-list.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderAccountPrices } from "./render-account-prices.ts";

const route = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/price-lists",
  operationId: "publishAccountPrices",
  tags: ["price lists"],
  summary: "Publish prices of one account, from now on or from a later time, for ever or until one",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader, body: jsonBody(newAccountPrices) },
  responses: answers(201, "The account's price list.", accountPricesBody),
});

/**
 * `POST /v1/accounts/{account}/price-lists`. Errors: `account_unknown`, `account_closed`, `price_list_effective_past`,
 * `price_list_never_applies`; wrong prices are named one by one.
 */
export function addPublishAccountPrices(app: OperatorApp, services: OperatorServices): void {
  const parseNew = createPriceParser(services.config);
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const { prices, effectiveAt = null, until = null } = context.req.valid("json");
    const plans = (await listPlans(services.database)).map(({ name }) => name);
    const parsed = parseNew(prices, { plans });
    if (!parsed.ok) refuseFields(parsed.problems);
    // What endpoints without a price do everybody's list says.
    const text = priceListText({ prices: parsed.value, unpriced: "free" });
    const list = { accountId: account, body: text, hash: hash("sha256", text, "hex"), effectiveAt, until };
    const body = await mutate(context, services, 201, async (tx) => {
      const published = renderAccountPrices(await publishAccountPrices(tx, list));
      const { version, effectiveAt: from, until: to } = published;
      return {
        body: published,
        audit: {
          action: "account_prices.publish",
          accountId: account,
          target: String(version),
          detail: { effectiveAt: from, until: to },
        },
      };
    });
    return context.json(body, 201);
  });
}
