import { createRoute, type z } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import { readAccount } from "../../../ledger/accounts.ts";
import { readBalances } from "../../../ledger/balances.ts";
import type { PoolBalance } from "../../../ledger/ledger.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-app.ts";
import type { OperatorServices } from "../operator-services.ts";
import { accountParams } from "../wire/fields.ts";
import { balanceBody } from "../wire/pool.ts";

const route = createRoute({
  method: "get",
  path: "/v1/accounts/{account}/balances",
  operationId: "getBalances",
  tags: ["pools"],
  summary: "Read the pools of an account, as of now",
  security: OPERATOR_SECURITY,
  request: { params: accountParams },
  responses: answers(200, "The pools by credit type.", balanceBody),
});

/** `GET /v1/accounts/{account}/balances`. Errors: `account_unknown`. */
export function addGetBalances(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { accountId, shard } = await readAccount(services.database, context.req.valid("param").account);
    const pools = await readBalances(services.database, accountId, shard);
    return context.json({ account: accountId, pools: pools.map((pool) => renderPool(pool)) }, 200);
  });
}

function renderPool(pool: PoolBalance): z.infer<typeof balanceBody>["pools"][number] {
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
    grants: grants.map((grant) => ({
      id: grant.grantId,
      remaining: creditsToJson(grant.remaining),
      source: grant.source,
      expiresAt: grant.expiresAt?.toISOString() ?? null,
    })),
  };
}
