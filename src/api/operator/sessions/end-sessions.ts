import { createRoute } from "@hono/zod-openapi";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { endAccountSessions, endSessionById } from "../../../ledger/sessions/list-sessions.ts";
import { idempotencyHeader } from "../../operation.ts";
import { accountParams } from "../../wire/fields.ts";
import { endedSession, endedSessions, sessionParams } from "../../wire/session.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const one = createRoute({
  method: "post",
  path: "/v1/sessions/{session}/end",
  operationId: "endSession",
  tags: ["sessions"],
  summary: "Sign a browser out; its next request is refused",
  security: OPERATOR_SECURITY,
  request: { params: sessionParams, headers: idempotencyHeader },
  responses: answers(200, "Whose session it was.", endedSession),
});

/** `POST /v1/sessions/{session}/end`. Ending again changes nothing. Errors: `session_unknown`. */
export function addEndSession(app: OperatorApp, services: OperatorServices): void {
  app.openapi(one, async (context) => {
    const { session: id } = context.req.valid("param");
    const body = await mutate(context, services, 200, async (tx) => {
      const { accountId, actor } = await endSessionById(tx, id);
      return {
        body: { id, account: accountId, actor },
        audit: {
          action: "session.end",
          accountId: accountId ?? undefined,
          target: id,
          detail: actor === null ? {} : { actor },
        },
      };
    });
    return context.json(body, 200);
  });
}

const all = createRoute({
  method: "post",
  path: "/v1/accounts/{account}/end-sessions",
  operationId: "endAccountSessions",
  tags: ["sessions"],
  summary: "Sign an account's customers out of the portal everywhere",
  security: OPERATOR_SECURITY,
  request: { params: accountParams, headers: idempotencyHeader },
  responses: answers(200, "How many sessions and links worked until now.", endedSessions),
});

/** `POST /v1/accounts/{account}/end-sessions`. Errors: `account_unknown`. */
export function addEndAccountSessions(app: OperatorApp, services: OperatorServices): void {
  app.openapi(all, async (context) => {
    const { account } = context.req.valid("param");
    const body = await mutate(context, services, 200, async (tx) => {
      const { accountId } = await readAccount(tx, account);
      const ended = await endAccountSessions(tx, accountId);
      return {
        body: { account: accountId, ...ended },
        audit: { action: "account.end_sessions", accountId, detail: ended },
      };
    });
    return context.json(body, 200);
  });
}
