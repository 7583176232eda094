import { createRoute } from "@hono/zod-openapi";
import { selfBody } from "../../wire/token.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import { renderLimits } from "./render-token.ts";

const route = createRoute({
  method: "get",
  path: "/v1/self",
  operationId: "getSelf",
  tags: ["tokens"],
  summary: "Read who asks: as the audit trail names them, their role and limits",
  security: OPERATOR_SECURITY,
  responses: answers(200, "Who asks.", selfBody),
});

/** `GET /v1/self`, for every role. */
export function addGetSelf(app: OperatorApp): void {
  app.openapi(route, (context) => {
    const { actor, role, limits } = context.get("operator");
    return context.json({ actor, role, limits: renderLimits(limits) }, 200);
  });
}
