import { createRoute, type z } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { readBalances } from "../../../ledger/balances.ts";
import type { PoolBalance } from "../../../ledger/ledger.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { balancesBody } from "../wire/balances.ts";

/** `GET {prefix}/balances`: all pools of the account as of now, with what they are made of. */
export function addGetBalances(app: CustomerApp, { config, database }: CustomerServices): void {
  const route = createRoute({
    method: "get",
    path: `${config.customerApi.path}/balances`,
    operationId: "getBalances",
    tags: ["account"],
    summary: "Read the balances of all pools, their next refresh and their grants",
    security: CUSTOMER_SECURITY,
    responses: answers(200, "The pools by credit type.", balancesBody),
  });
  app.openapi(route, async (context) => {
    const { accountId, shard } = context.env.caller;
    const pools = await readBalances(database, accountId, shard);
    return context.json({ account: accountId, pools: pools.map(renderPool) }, 200);
  });
}

function renderPool(pool: PoolBalance): z.infer<typeof balancesBody>["pools"][number] {
  const { creditType, balance, held, recurring, grants } = pool;
  return {
    creditType,
    balance: creditsToJson(balance),
    held: creditsToJson(held),
    available: creditsToJson(balance - held),
    recurring: recurring && {
      amount: creditsToJson(recurring.amount),
      every: recurring.every,
      nextAt: recurring.nextAt?.toISOString() ?? null,
      rollover:
        typeof recurring.rollover === "bigint" ? creditsToJson(recurring.rollover) : recurring.rollover,
    },
    grants: grants.map(({ grantId, amount, remaining, source, expiresAt }) => ({
      id: grantId,
      amount: creditsToJson(amount),
      remaining: creditsToJson(remaining),
      source,
      expiresAt: expiresAt?.toISOString() ?? null,
    })),
  };
}
