import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Operator } from "../../domain/operator-role.ts";

/** What every request of the operator API carries. */
export interface OperatorEnv {
  readonly Variables: {
    requestId: string;
    /** Who asks; of every path that needs a token. */
    operator: Operator;
  };
}

/** The app that operations are added to. */
export type OperatorApp = OpenAPIHono<OperatorEnv>;
