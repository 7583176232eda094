import { createRoute } from "@hono/zod-openapi";
import { listEntries, readEntryPages } from "../../../ledger/pools/entries.ts";
import { csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import { chooseCreditType } from "../../pools/choose-credit-type.ts";
import { parseEntryCursor, renderEntry } from "../../pools/entry-answer.ts";
import { entryColumns } from "../../pools/entry-columns.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answersOrCsv, CUSTOMER_SECURITY } from "../operation.ts";
import { entryBody, entryPage, entryQuery, SHOWN } from "../wire/entries.ts";

/** `GET {prefix}/entries`: the statement of a pool. */
export function addListEntries(app: CustomerApp, services: CustomerServices): void {
  const { config, database } = services;
  const route = createRoute({
    method: "get",
    path: `${config.customerApi.path}/entries`,
    operationId: "listEntries",
    tags: ["account"],
    summary: "List the lines of a pool's statement, the newest first",
    security: CUSTOMER_SECURITY,
    request: { query: entryQuery },
    responses: answersOrCsv(
      "A page of entries. With a filter it may be short, even empty, although more follow. As CSV all of them.",
      entryPage,
    ),
  });
  app.openapi(route, async (context) => {
    const { accountId, shard } = context.env.caller;
    const { creditType: named, cursor, key: keyId, format, ...query } = context.req.valid("query");
    const pool = { accountId, creditType: chooseCreditType(services, named), shard };
    const before = parseEntryCursor(cursor);
    context.header("vary", "accept");
    if (wantsCsv(format, context.req.header("accept"))) {
      const pages = readEntryPages(database, pool, { ...query, keyId, before });
      const columns = entryColumns(pool).filter(({ name }) => Object.hasOwn(SHOWN, name));
      return context.body(await streamCsv(columns, pages), 200, csvHeaders(`entries-${pool.creditType}`));
    }
    const page = await listEntries(database, pool, { ...query, keyId, before });
    const entries = page.entries.map((entry) => entryBody.parse(renderEntry(pool, entry)));
    return context.json(
      { account: accountId, entries, next: page.next === null ? null : String(page.next) },
      200,
    );
  });
}
