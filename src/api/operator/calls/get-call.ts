import { createRoute } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { explainFound } from "../../../ledger/calls/explain-job.ts";
import { type FoundCall, findCallAnywhere, findCallOfAccount } from "../../../ledger/calls/find-call.ts";
import { renderCall } from "../../pools/render-call.ts";
import { callBody, callParams, callQuery } from "../../wire/call.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { onlyCharge } from "../pools/only-charge.ts";

const route = createRoute({
  method: "get",
  path: "/v1/calls/{call}",
  operationId: "getCall",
  tags: ["pools"],
  summary: "Explain one call: its price, what was held, charged, uncollected and refunded",
  security: OPERATOR_SECURITY,
  request: { params: callParams, query: callQuery },
  responses: answers(
    200,
    "The call. One that cost nothing, or was refused, left no line and is not found.",
    callBody,
  ),
});

/** `GET /v1/calls/{call}`. Errors: `account_unknown`, `charge_unknown`, `charge_ambiguous`. */
export function addGetCall(app: OperatorApp, { database }: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { call } = context.req.valid("param");
    const { account } = context.req.valid("query");
    const found = await find(account, call);
    const missing = explainMissing(call, account, found);
    const explained = await explainFound(database, found, (one) => onlyCharge(call, one, missing));
    if (explained === undefined) throw new FareboxError("charge_unknown", missing, { detail: { call } });
    return context.json(renderCall(explained), 200);
  });

  async function find(account: string | undefined, call: string): Promise<FoundCall> {
    if (account === undefined) return await findCallAnywhere(database, call);
    const { accountId, shard } = await readAccount(database, account);
    return await findCallOfAccount(database, { accountId, shard }, call);
  }
}

function explainMissing(call: string, account: string | undefined, { isComplete }: FoundCall): string {
  const charged = `${account === undefined ? "No account" : `The account ${account}`} was charged for ${call}`;
  if (!isComplete && account === undefined) {
    return `${charged}, as far as could be looked through without its account: name it with \`account\`.`;
  }
  const reach = isComplete ? "" : ", as far as could be looked through";
  return `${charged}${reach}. Calls that cost nothing or were refused leave no line.`;
}
