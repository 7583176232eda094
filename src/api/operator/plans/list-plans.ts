import { createRoute } from "@hono/zod-openapi";
import type { z } from "zod";
import { type Credits, creditsToJson } from "../../../domain/credits.ts";
import { countAccountsByPlan, listPlans, type Plan } from "../../../ledger/plans/plans.ts";
import { planList } from "../../wire/plan.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

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
    const accounts = await countAccountsByPlan(services.database);
    return context.json({ plans: plans.map((plan) => renderPlan(plan, accounts.get(plan.name) ?? 0)) }, 200);
  });
}

function renderPlan(plan: Plan, accounts: number): z.infer<typeof planList>["plans"][number] {
  const { name, version, recurring, limits, caps } = plan;
  return {
    name,
    version,
    accounts,
    recurring: recurring.map(({ creditType, amount, every, rollover, anchor = "assignment" }) => ({
      creditType,
      amount: creditsToJson(amount),
      every,
      rollover: typeof rollover === "bigint" ? creditsToJson(rollover) : rollover,
      anchor,
    })),
    limits: limits.map(({ match, requests, windowSeconds, by, counts }) => ({
      match,
      requests,
      counts: counts ?? ("requests" as const),
      windowSeconds,
      by,
    })),
    caps: caps.map(({ creditType, day, month, total }) => ({
      creditType,
      day: renderCap(day),
      month: renderCap(month),
      total: renderCap(total),
    })),
  };
}

const renderCap = (cap: Credits | null): number | null => (cap === null ? null : creditsToJson(cap));
