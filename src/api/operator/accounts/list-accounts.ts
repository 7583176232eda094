import { createRoute } from "@hono/zod-openapi";
import { type AccountFilter, listAccounts } from "../../../ledger/accounts/list-accounts.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { readAllPages } from "../../../ledger/database/page.ts";
import { type AccountBalances, readAccountBalances } from "../../../ledger/pools/account-balances.ts";
import { csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import { accountPage, accountQuery } from "../../wire/account.ts";
import { answersOrCsv, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { accountColumns } from "./account-columns.ts";
import { renderAccount } from "./render-account.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts",
  operationId: "listAccounts",
  tags: ["accounts"],
  summary: "List and search accounts",
  security: OPERATOR_SECURITY,
  request: { query: accountQuery },
  responses: answersOrCsv("A page of accounts. As CSV all of them, with their balances.", accountPage),
});

/** `GET /v1/accounts`. Errors: `cursor_invalid`. */
export function addListAccounts(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { limit, cursor, format, ...filter } = context.req.valid("query");
    context.header("vary", "accept");
    if (wantsCsv(format, context.req.header("accept"))) {
      const columns = accountColumns(services.config.creditTypes);
      const csv = await streamCsv(columns, readBalancePages(services.database, filter, cursor));
      return context.body(csv, 200, csvHeaders("accounts"));
    }
    const page = await listAccounts(services.database, { ...filter, limit, cursor });
    return context.json(
      { accounts: page.items.map((account) => renderAccount(account)), next: page.next },
      200,
    );
  });
}

async function* readBalancePages(
  database: Database,
  filter: AccountFilter,
  cursor: string | undefined,
): AsyncGenerator<readonly AccountBalances[], void, undefined> {
  const pages = readAllPages((page) => listAccounts(database, { ...filter, ...page }), cursor);
  for await (const accounts of pages) yield await readAccountBalances(database, accounts);
}
