import type { Context } from "hono";
import type { Credits } from "../../domain/credits.ts";
import type { Transaction } from "../../ledger/database/database.ts";
import { countGiven } from "../../ledger/operators/operator-giving.ts";
import { type Mutation, runMutation } from "../run-mutation.ts";
import type { OperatorEnv } from "./operator-env.ts";
import type { OperatorServices } from "./operator-services.ts";

/** What an operator's mutation did, and how many credits it gave, which the limits of who asks count. */
interface OperatorMutation<Body> extends Mutation<Body> {
  readonly gave?: Credits;
}

/**
 * Runs an operator's mutation; see {@link runMutation}. The audit row names who asks. Throws FareboxError
 * `giving_limit_exceeded` too.
 */
export async function mutate<Body extends object>(
  context: Context<OperatorEnv>,
  services: OperatorServices,
  status: number,
  run: (tx: Transaction) => Promise<OperatorMutation<Body>>,
): Promise<Body> {
  const operator = context.get("operator");
  const { actor } = operator;
  const key = context.req.header("idempotency-key");
  const request = {
    method: context.req.method,
    path: context.req.path,
    readText: () => context.req.text(),
    // A space is in no key that is sent: nobody meets the answers that others got.
    idempotencyKey: key === undefined || actor === "operator" ? key : `${actor} ${key}`,
    asker: { actor, requestId: context.get("requestId") },
    status,
  };
  const { body, isReplay } = await runMutation(services.database, request, async (tx) => {
    const { gave = 0n, ...mutation } = await run(tx);
    await countGiven(tx, operator, gave);
    return mutation;
  });
  if (isReplay) context.header("idempotency-replayed", "true");
  return body;
}
