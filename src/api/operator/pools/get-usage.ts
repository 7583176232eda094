import { createRoute, type RouteConfig } from "@hono/zod-openapi";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { accountParams } from "../../wire/fields.ts";
import { usageBody, usageQuery } from "../../wire/usage.ts";
import { answersOrCsv, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { answerUsage } from "./answer-usage.ts";

const shared = {
  method: "get" as const,
  tags: ["pools"],
  security: OPERATOR_SECURITY,
  responses: answersOrCsv("The usage, in the order of time, the most credits first.", usageBody),
} satisfies Omit<RouteConfig, "path">;

const ofAccount = createRoute({
  ...shared,
  path: "/v1/accounts/{account}/usage",
  operationId: "getUsage",
  summary: "Read what an account spent, by time, endpoint and key",
  request: { params: accountParams, query: usageQuery },
});

const ofAll = createRoute({
  ...shared,
  path: "/v1/usage",
  operationId: "getAllUsage",
  summary: "Read what all accounts spent, by time, account, endpoint and key",
  request: { query: usageQuery },
});

/**
 * `GET /v1/accounts/{account}/usage` and `GET /v1/usage`. Errors: `account_unknown`, `credit_type_unknown`,
 * `usage_period_invalid`, `usage_period_too_long`, `time_zone_unknown`, `usage_too_large`.
 */
export function addGetUsage(app: OperatorApp, services: OperatorServices): void {
  app.openapi(ofAccount, async (context) => {
    const { accountId, shard } = await readAccount(services.database, context.req.valid("param").account);
    return await answerUsage(context, services, { accountId, shard }, context.req.valid("query"));
  });
  app.openapi(ofAll, (context) => answerUsage(context, services, undefined, context.req.valid("query")));
}
