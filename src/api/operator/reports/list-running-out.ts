import { createRoute } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { listRunningOut } from "../../../ledger/reports/running-out.ts";
import { chooseCreditType } from "../../pools/choose-credit-type.ts";
import { runningOutPage, runningOutQuery } from "../../wire/report.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "get",
  path: "/v1/reports/running-out",
  operationId: "listRunningOut",
  tags: ["reports"],
  summary: "List pools that run out within some days at their present pace",
  security: OPERATOR_SECURITY,
  request: { query: runningOutQuery },
  responses: answers(
    200,
    "A page of pools, by account. It may be short, even empty, although more follow.",
    runningOutPage,
  ),
});

/** `GET /v1/reports/running-out`. Errors: `credit_type_unknown`. */
export function addListRunningOut(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { creditType: named, ...query } = context.req.valid("query");
    const creditType = named === undefined ? undefined : chooseCreditType(services, named);
    const { items, next } = await listRunningOut(services.database, { ...query, creditType });
    const pools = items.map(({ accountId, name, plan, creditType: type, balance, pace, runsOutAt }) => ({
      account: accountId,
      name,
      plan,
      creditType: type,
      balance: creditsToJson(balance),
      pace: creditsToJson(pace),
      runsOutAt: runsOutAt.toISOString(),
    }));
    return context.json({ pools, next }, 200);
  });
}
