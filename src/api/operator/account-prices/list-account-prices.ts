import { createRoute } from "@hono/zod-openapi";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { listAccountPriceLists } from "../../../ledger/price-lists/account-price-lists.ts";
import { accountParams } from "../../wire/fields.ts";
import { pageQuery } from "../../wire/page.ts";
import { accountPricesPage } from "../../wire/price-list.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { readVersionCursor } from "../price-lists/version-cursor.ts";
import { renderAccountPrices } from "./render-account-prices.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts/{account}/price-lists",
  operationId: "listAccountPrices",
  tags: ["price lists"],
  summary: "List an account's own price lists, the newest version first",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, query: pageQuery },
  responses: answers(200, "A page of price lists.", accountPricesPage),
});

/** `GET /v1/accounts/{account}/price-lists`. Errors: `account_unknown`. */
export function addListAccountPrices(app: OperatorApp, { database }: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const { limit, cursor } = context.req.valid("query");
    await readAccount(database, account);
    const before = cursor === undefined ? undefined : readVersionCursor(cursor);
    // One more than the page has tells whether another page follows.
    const lists = await listAccountPriceLists(database, account, { before, limit: limit + 1 });
    const shown = lists.slice(0, limit);
    const last = lists.length > limit ? shown.at(-1) : undefined;
    const next = last === undefined ? null : String(last.version);
    return context.json({ priceLists: shown.map(renderAccountPrices), next }, 200);
  });
}
