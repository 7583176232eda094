import { createHash } from "node:crypto";
import type { Context } from "hono";
import { canonicalJson } from "../../domain/canonical-json.ts";
import type { Transaction } from "../../ledger/database/database.ts";
import { type AuditRecord, writeAudit } from "../../ledger/operator-audit.ts";
import { runOperatorRequest } from "../../ledger/operator-requests.ts";
import type { OperatorEnv } from "./operator-app.ts";
import type { OperatorServices } from "./operator-services.ts";

/** What a mutation did: the answer's body, and what its audit row says. */
export interface Mutation<Body> {
  readonly body: Body;
  readonly audit: Omit<AuditRecord, "actor" | "requestId">;
}

/** There is one operator token; who holds it is not told apart. */
const ACTOR = "operator";

/**
 * Runs a mutation in one transaction with its audit row, and with an Idempotency-Key also with its stored answer: all of
 * it is there, or nothing is. The run may be repeated when the database rolls it back, so it must have no other effects.
 */
export async function mutate<Body extends object>(
  context: Context<OperatorEnv>,
  services: OperatorServices,
  status: number,
  run: (tx: Transaction) => Promise<Mutation<Body>>,
): Promise<Body> {
  const runAudited = async (tx: Transaction): Promise<Body> => {
    const { body, audit } = await run(tx);
    await writeAudit(tx, {
      ...audit,
      actor: ACTOR,
      requestId: context.get("requestId"),
    });
    return body;
  };
  const key = context.req.header("idempotency-key");
  if (key === undefined) return await services.database.transaction(runAudited);
  const request = { key, requestHash: await hashRequest(context) };
  const response = await runOperatorRequest(services.database, request, async (tx) => ({
    status,
    body: await runAudited(tx),
  }));
  if (response.isReplay) context.header("idempotency-replayed", "true");
  // Stored by the same operation under the same hash, so it has the shape that the operation returns.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return response.body as Body;
}

/** Two requests are the same when method, path and the body's JSON are, whatever its white space. */
async function hashRequest(context: Context<OperatorEnv>): Promise<string> {
  const text = await context.req.text();
  const body: unknown = text === "" ? null : JSON.parse(text);
  return createHash("sha256")
    .update(`${context.req.method} ${context.req.path}\n${canonicalJson(body)}`)
    .digest("hex");
}
