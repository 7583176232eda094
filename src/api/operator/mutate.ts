import type { Context } from "hono";
import type { Transaction } from "../../ledger/database/database.ts";
import { type Mutation, runMutation } from "../run-mutation.ts";
import type { OperatorEnv } from "./operator-app.ts";
import type { OperatorServices } from "./operator-services.ts";

/** There is one operator token; who holds it is not told apart. */
const ACTOR = "operator";

/** Runs an operator's mutation; see {@link runMutation}. */
export async function mutate<Body extends object>(
  context: Context<OperatorEnv>,
  services: OperatorServices,
  status: number,
  run: (tx: Transaction) => Promise<Mutation<Body>>,
): Promise<Body> {
  const request = {
    method: context.req.method,
    path: context.req.path,
    readText: () => context.req.text(),
    idempotencyKey: context.req.header("idempotency-key"),
    asker: { actor: ACTOR, requestId: context.get("requestId") },
    status,
  };
  const { body, isReplay } = await runMutation(services.database, request, run);
  if (isReplay) context.header("idempotency-replayed", "true");
  return body;
}
