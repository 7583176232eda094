import { createRoute } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { readAccount } from "../../../ledger/accounts.ts";
import { readUsage } from "../../../ledger/usage.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { refuseFields } from "../problem.ts";
import { accountParams } from "../wire/fields.ts";
import { usageBody, usageQuery } from "../wire/usage.ts";
import { chooseCreditType } from "./read-pool.ts";

/** What a period without a beginning covers. */
const DEFAULT_MS = 30 * 24 * 3_600_000;

const route = createRoute({
  method: "get",
  path: "/v1/accounts/{account}/usage",
  operationId: "getUsage",
  tags: ["pools"],
  summary: "Read what an account spent, by endpoint, from hourly roll-ups",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, query: usageQuery },
  responses: answers(200, "The usage, the most expensive endpoint first.", usageBody),
});

/** `GET /v1/accounts/{account}/usage`. Errors: `account_unknown`, `credit_type_unknown`. */
export function addGetUsage(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account } = context.req.valid("param");
    const {
      creditType: named,
      to = new Date(),
      from = new Date(to.getTime() - DEFAULT_MS),
    } = context.req.valid("query");
    if (from.getTime() >= to.getTime()) refuseFields([{ path: "from", reason: "must be before `to`" }]);
    const creditType = named === undefined ? undefined : chooseCreditType(services, named);
    const { accountId, shard } = await readAccount(services.database, account);
    const usage = await readUsage(services.database, { accountId, shard, creditType, from, to });
    const endpoints = usage.map((line) => ({
      creditType: line.creditType,
      endpoint: line.endpoint,
      requests: line.requests,
      units: line.units,
      credits: creditsToJson(line.credits),
      refunded: creditsToJson(line.refunded),
    }));
    return context.json(
      { account: accountId, from: from.toISOString(), to: to.toISOString(), endpoints },
      200,
    );
  });
}
