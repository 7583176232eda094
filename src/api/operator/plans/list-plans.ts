import { createRoute } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { listPlans } from "../../../ledger/plans.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { planList } from "../wire/plan.ts";

const route = createRoute({
  method: "get",
  path: "/v1/plans",
  operationId: "listPlans",
  tags: ["plans"],
  summary: "List the plans that the configuration has, or had",
  security: OPERATOR_SECURITY,
  responses: answers(200, "All plans by name.", planList),
});

/** `GET /v1/plans` */
export function addListPlans(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const plans = await listPlans(services.database);
    return context.json(
      {
        plans: plans.map(({ name, recurring }) => ({
          name,
          recurring: recurring.map((grant) => ({
            creditType: grant.creditType,
            amount: creditsToJson(grant.amount),
            every: grant.every,
            rollover: typeof grant.rollover === "bigint" ? creditsToJson(grant.rollover) : grant.rollover,
          })),
        })),
      },
      200,
    );
  });
}
