import { createRoute, type z } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { type Entry, listEntries, readEntryPages } from "../../../ledger/entries.ts";
import type { PoolRef } from "../../../ledger/ledger.ts";
import { chooseCreditType } from "../../choose-credit-type.ts";
import { csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import { chargeIdOf, entryColumns } from "../../entry-columns.ts";
import { refuseFields } from "../../operator/problem.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answersOrCsv, CUSTOMER_SECURITY } from "../operation.ts";
import { entryPage, entryQuery, HIDDEN } from "../wire/entries.ts";

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
    const before = cursor === undefined ? undefined : readSeq(cursor);
    context.header("vary", "accept");
    if (wantsCsv(format, context.req.header("accept"))) {
      const pages = readEntryPages(database, pool, { ...query, keyId, before });
      const columns = entryColumns(pool).filter(({ name }) => !Object.hasOwn(HIDDEN, name));
      return context.body(await streamCsv(columns, pages), 200, csvHeaders(`entries-${pool.creditType}`));
    }
    const page = await listEntries(database, pool, { ...query, keyId, before });
    const entries = page.entries.map((entry) => renderEntry(pool, entry));
    return context.json(
      { account: accountId, entries, next: page.next === null ? null : String(page.next) },
      200,
    );
  });
}

function readSeq(cursor: string): number {
  if (/^[1-9]\d{0,14}$/.test(cursor)) return Number(cursor);
  return refuseFields([{ path: "cursor", reason: "is not one that a list gave as its next" }]);
}

function renderEntry(pool: PoolRef, entry: Entry): z.infer<typeof entryPage>["entries"][number] {
  return {
    creditType: pool.creditType,
    seq: entry.seq,
    at: entry.at.toISOString(),
    kind: entry.kind,
    amount: creditsToJson(entry.amount),
    balance: creditsToJson(entry.balance),
    charge: chargeIdOf(pool, entry),
    requestId: entry.requestId,
    key: entry.keyId,
    endpoint: entry.endpoint,
    units: entry.units,
    status: entry.status,
    priceList: entry.priceList,
    grant: entry.grantId,
  };
}
