import { createRoute } from "@hono/zod-openapi";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { listEntries, readEntryPages } from "../../../ledger/pools/entries.ts";
import { csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import { chooseCreditType } from "../../pools/choose-credit-type.ts";
import { parseEntryCursor, renderEntry } from "../../pools/entry-answer.ts";
import { entryColumns } from "../../pools/entry-columns.ts";
import { entryPage, entryQuery } from "../../wire/entry.ts";
import { accountParams } from "../../wire/fields.ts";
import { answersOrCsv, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts/{account}/entries",
  operationId: "listEntries",
  tags: ["pools"],
  summary: "List the ledger's lines of a pool, the newest first",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, query: entryQuery },
  responses: answersOrCsv(
    "A page of entries. With a filter it may be short, even empty, although more follow. As CSV all of them.",
    entryPage,
  ),
});

/** `GET /v1/accounts/{account}/entries`. Errors: `account_unknown`, `credit_type_unknown`. */
export function addListEntries(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { creditType: named, cursor, key: keyId, format, ...query } = context.req.valid("query");
    const { accountId, shard } = await readAccount(services.database, context.req.valid("param").account);
    const pool = { accountId, creditType: chooseCreditType(services, named), shard };
    const before = parseEntryCursor(cursor);
    context.header("vary", "accept");
    if (wantsCsv(format, context.req.header("accept"))) {
      const pages = readEntryPages(services.database, pool, { ...query, keyId, before });
      const name = `entries-${accountId}-${pool.creditType}`;
      return context.body(await streamCsv(entryColumns(pool), pages), 200, csvHeaders(name));
    }
    const page = await listEntries(services.database, pool, { ...query, keyId, before });
    const entries = page.entries.map((entry) => renderEntry(pool, entry));
    return context.json(
      { account: accountId, entries, next: page.next === null ? null : String(page.next) },
      200,
    );
  });
}
