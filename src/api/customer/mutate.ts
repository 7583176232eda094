import type { Context } from "hono";
import type { Database, Transaction } from "../../ledger/database/database.ts";
import { type Mutation, runMutation } from "../run-mutation.ts";
import type { CustomerEnv } from "./customer-app.ts";

/** Runs a customer's mutation; see {@link runMutation}. The audit row has the account, and names the key that asked, or the portal session that came from a link. */
export async function mutate<Body extends object>(
  context: Context<CustomerEnv>,
  database: Database,
  status: number,
  run: (tx: Transaction) => Promise<Mutation<Body>>,
): Promise<Body> {
  const { accountId, keyId, session, method, path, body: text, context: rendered } = context.env.caller;
  const key = context.req.header("idempotency-key");
  const asker = session?.sessionId ?? keyId ?? "";
  const request = {
    method,
    path,
    readText: () => text,
    // A space is in no operator's key, and an id is one key's or one session's: nobody can meet the answers of others.
    idempotencyKey: key === undefined ? undefined : `${asker} ${key}`,
    asker: {
      actor: keyId === undefined ? `portal:${asker}` : `key:${keyId}`,
      accountId,
      requestId: rendered.requestId,
    },
    status,
  };
  const { body, isReplay } = await runMutation(database, request, run);
  if (isReplay) context.header("idempotency-replayed", "true");
  return body;
}
