import { createRoute } from "@hono/zod-openapi";
import { explainFound } from "../../../ledger/calls/explain-job.ts";
import { findCallOfAccount } from "../../../ledger/calls/find-call.ts";
import { renderCall } from "../../pools/render-call.ts";
import { callParams, ownCallBody } from "../../wire/call.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { RefusalError } from "../refusal-error.ts";

/** Entries that are looked through for one id: a third of a second. Ids of the gateway's have their time and need some hundred. */
const MOST_ENTRIES = 300_000;

/** `GET {prefix}/calls/{call}`: why a call cost what it did. */
export function addGetCall(app: CustomerApp, { config, database }: CustomerServices): void {
  const route = createRoute({
    method: "get",
    path: `${config.customerApi.path}/calls/{call}`,
    operationId: "getCall",
    tags: ["account"],
    summary: "Explain one call: its price, what was held, charged and refunded",
    security: CUSTOMER_SECURITY,
    request: { params: callParams },
    responses: answers(
      200,
      "The call. One that cost nothing, or was refused, left no line and is not found.",
      ownCallBody,
    ),
  });
  app.openapi(route, async (context) => {
    const { call } = context.req.valid("param");
    const { accountId, shard } = context.env.caller;
    const charged = await findCallOfAccount(database, { accountId, shard }, call, MOST_ENTRIES);
    const found = await explainFound(database, charged, ({ charges: [charge] }) => charge);
    if (found === undefined) throw new RefusalError({ code: "resource_unknown", what: "call", id: call });
    return context.json(ownCallBody.parse(renderCall(found)), 200);
  });
}
