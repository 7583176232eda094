import type { Context } from "hono";
import type { Database, Transaction } from "../../ledger/database/database.ts";
import { type Mutation, runMutation } from "../run-mutation.ts";
import type { CustomerEnv } from "./customer-app.ts";

/** Runs a customer's mutation; see {@link runMutation}. The audit row has the account, and names the key that asked. */
export async function mutate<Body extends object>(
  context: Context<CustomerEnv>,
  database: Database,
  status: number,
  run: (tx: Transaction) => Promise<Mutation<Body>>,
): Promise<Body> {
  const { accountId, keyId, method, path, body: text, context: rendered } = context.env.caller;
  const key = context.req.header("idempotency-key");
  const request = {
    method,
    path,
    readText: () => text,
    // A space is in no operator's key, and a key's id is one key's: nobody can meet the answers of others.
    idempotencyKey: key === undefined ? undefined : `${keyId} ${key}`,
    asker: { actor: `key:${keyId}`, accountId, requestId: rendered.requestId },
    status,
  };
  const { body, isReplay } = await runMutation(database, request, run);
  if (isReplay) context.header("idempotency-replayed", "true");
  return body;
}
