import { createHash } from "node:crypto";
import type { Context } from "hono";
import type { AccountRequest } from "../../contract/account-endpoint.ts";
import { canonicalJson } from "../../domain/canonical-json.ts";
import type { Database, Transaction } from "../../ledger/database/database.ts";
import { type AuditRecord, writeAudit } from "../../ledger/operator-audit.ts";
import { runOperatorRequest } from "../../ledger/operator-requests.ts";
import type { CustomerEnv } from "./customer-app.ts";

/** What a customer's mutation did: the answer's body, and what its audit row says. */
export interface Mutation<Body> {
  readonly body: Body;
  readonly audit: Pick<AuditRecord, "action" | "target" | "detail">;
}

/**
 * Runs a customer's mutation in one transaction with its audit row, and with an Idempotency-Key also with its stored answer:
 * all of it is there, or nothing is. The run may be repeated when the database rolls it back, so it must have no other
 * effects. The audit row names the key that asked.
 */
export async function mutate<Body extends object>(
  context: Context<CustomerEnv>,
  database: Database,
  status: number,
  run: (tx: Transaction) => Promise<Mutation<Body>>,
): Promise<Body> {
  const { caller } = context.env;
  const runAudited = async (tx: Transaction): Promise<Body> => {
    const { body, audit } = await run(tx);
    await writeAudit(tx, {
      ...audit,
      actor: `key:${caller.keyId}`,
      accountId: caller.accountId,
      requestId: caller.context.requestId,
    });
    return body;
  };
  const key = context.req.header("idempotency-key");
  if (key === undefined) return await database.transaction(runAudited);
  // A space is in no operator's key, and a key's id is one key's: nobody can meet the answers of others.
  const request = { key: `${caller.keyId} ${key}`, requestHash: hashRequest(caller) };
  const response = await runOperatorRequest(database, request, async (tx) => ({
    status,
    body: await runAudited(tx),
  }));
  if (response.isReplay) context.header("idempotency-replayed", "true");
  // Stored by the same operation under the same hash, so it has the shape that the operation returns.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return response.body as Body;
}

/** Two requests are the same when method, path and the body's JSON are, whatever its white space. */
function hashRequest({ method, path, body }: AccountRequest): string {
  const value: unknown = body === "" ? null : JSON.parse(body);
  return createHash("sha256")
    .update(`${method} ${path}\n${canonicalJson(value)}`)
    .digest("hex");
}
