import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Operator } from "../../domain/operator-role.ts";

/** Who asks, and by which token: null is the operator token; undefined: by the console's session. */
export type Asking = Operator & { readonly tokenId?: string | null };

/** What every request of the operator API carries. */
export interface OperatorEnv {
  readonly Variables: {
    requestId: string;
    /** Who asks; of every path that needs a token. */
    operator: Asking;
  };
}

/** The app that operations are added to. */
export type OperatorApp = OpenAPIHono<OperatorEnv>;
