import type { z } from "@hono/zod-openapi";
import type { Account } from "../../../ledger/accounts/accounts.ts";
import type { accountBody } from "../../wire/account.ts";

/** An account as the API shows it. The shard is the ledger's own. */
export function renderAccount(account: Account): z.infer<typeof accountBody> {
  return {
    id: account.accountId,
    name: account.name,
    state: account.state,
    plan: account.plan,
    nextPlan: account.nextPlan,
    nextPlanAt: account.nextPlanAt?.toISOString() ?? null,
    metadata: { ...account.metadata },
    createdAt: account.createdAt.toISOString(),
  };
}
