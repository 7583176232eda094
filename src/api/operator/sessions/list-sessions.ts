import { createRoute } from "@hono/zod-openapi";
import { listSessions } from "../../../ledger/sessions/list-sessions.ts";
import { sessionPage, sessionQuery } from "../../wire/session.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "get",
  path: "/v1/sessions",
  operationId: "listSessions",
  tags: ["sessions"],
  summary: "List who is signed in to the portal and to the console, the newest first",
  security: OPERATOR_SECURITY,
  request: { query: sessionQuery },
  responses: answers(200, "A page of sessions that work now.", sessionPage),
});

/** `GET /v1/sessions`. Errors: `cursor_invalid`. */
export function addListSessions(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { account: accountId, ...query } = context.req.valid("query");
    const { items, next } = await listSessions(services.database, { accountId, ...query });
    const sessions = items.map(({ sessionId, accountId: account, keyId: key, ...rest }) => ({
      id: sessionId,
      pages: rest.pages,
      account,
      access: rest.access,
      key,
      actor: rest.actor,
      role: rest.role,
      createdAt: rest.createdAt.toISOString(),
      lastSeenAt: rest.lastSeenAt.toISOString(),
      expiresAt: rest.expiresAt.toISOString(),
    }));
    return context.json({ sessions, next }, 200);
  });
}
