import { createRoute } from "@hono/zod-openapi";
import { type Account, setAccountState } from "../../../ledger/accounts/accounts.ts";
import { closeAccount } from "../../../ledger/accounts/close-account.ts";
import type { Transaction } from "../../../ledger/database/database.ts";
import { idempotencyHeader, optionalJsonBody } from "../../operation.ts";
import { accountBody, accountStateChange } from "../../wire/account.ts";
import { accountParams } from "../../wire/fields.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderAccount } from "./render-account.ts";

/** One of the three: they differ in what they do to the account, and in nothing else. */
interface StateChange {
  readonly verb: "suspend" | "resume" | "close";
  readonly operationId: string;
  readonly summary: string;
  readonly run: (tx: Transaction, accountId: string) => Promise<Account>;
}

function addStateChange({ verb, operationId, summary, run }: StateChange) {
  const route = createRoute({
    method: "post",
    path: `/v1/accounts/{account}/${verb}`,
    operationId,
    tags: ["accounts"],
    summary,
    security: OPERATOR_SECURITY,
    request: {
      params: accountParams,
      headers: idempotencyHeader,
      body: optionalJsonBody(accountStateChange),
    },
    responses: answers(200, "The account as it is now.", accountBody),
  });
  return (app: OperatorApp, services: OperatorServices): void => {
    app.openapi(route, async (context) => {
      const { account } = context.req.valid("param");
      const { reason } = context.req.valid("json");
      const body = await mutate(context, services, 200, async (tx) => ({
        body: renderAccount(await run(tx, account)),
        audit: { action: `account.${verb}`, accountId: account, target: account, detail: { reason } },
      }));
      return context.json(body, 200);
    });
  };
}

/** `POST /v1/accounts/{account}/suspend`. Again changes nothing. Errors: `account_unknown`, `account_closed`. */
export const addSuspendAccount = addStateChange({
  verb: "suspend",
  operationId: "suspendAccount",
  summary: "Refuse all keys of an account until it is resumed; every instance does within 5 seconds",
  run: (tx, accountId) => setAccountState(tx, accountId, "suspended"),
});

/** `POST /v1/accounts/{account}/resume`. Again changes nothing. Errors: `account_unknown`, `account_closed`. */
export const addResumeAccount = addStateChange({
  verb: "resume",
  operationId: "resumeAccount",
  summary: "Let the keys of a suspended account work again",
  run: (tx, accountId) => setAccountState(tx, accountId, "active"),
});

/** `POST /v1/accounts/{account}/close`. Again changes nothing. Errors: `account_unknown`, `account_has_holds`. */
export const addCloseAccount = addStateChange({
  verb: "close",
  operationId: "closeAccount",
  summary: "Close an account for good; its balance stays on the books",
  run: closeAccount,
});
