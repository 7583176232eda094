import { createRoute, type z } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { readAccount } from "../../../ledger/accounts.ts";
import { type Entry, listEntries, readEntryPages } from "../../../ledger/entries.ts";
import type { PoolRef } from "../../../ledger/ledger.ts";
import { chooseCreditType } from "../../choose-credit-type.ts";
import { csvHeaders, streamCsv, wantsCsv } from "../../csv.ts";
import { chargeIdOf, entryColumns } from "../../entry-columns.ts";
import { answersOrCsv, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { refuseFields } from "../problem.ts";
import { type entryBody, entryPage, entryQuery } from "../wire/entry.ts";
import { accountParams } from "../wire/fields.ts";

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
    const before = cursor === undefined ? undefined : readSeq(cursor);
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

function readSeq(cursor: string): number {
  if (/^[1-9]\d{0,14}$/.test(cursor)) return Number(cursor);
  return refuseFields([{ path: "cursor", reason: "is not one that a list gave as its next" }]);
}

function renderEntry(pool: PoolRef, entry: Entry): z.infer<typeof entryBody> {
  return {
    creditType: pool.creditType,
    seq: entry.seq,
    at: entry.at.toISOString(),
    kind: entry.kind,
    amount: creditsToJson(entry.amount),
    balance: creditsToJson(entry.balance),
    uncollected: creditsToJson(entry.uncollected),
    charge: chargeIdOf(pool, entry),
    requestId: entry.requestId,
    key: entry.keyId,
    endpoint: entry.endpoint,
    units: entry.units,
    status: entry.status,
    priceList: entry.priceList,
    grant: entry.grantId,
    reason: entry.reason,
  };
}
