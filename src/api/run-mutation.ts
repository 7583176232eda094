import type { Database, Transaction } from "../ledger/database/database.ts";
import { type AuditRecord, writeAudit } from "../ledger/operators/operator-audit.ts";
import { runOperatorRequest } from "../ledger/operators/operator-requests.ts";
import { hashRequest } from "./hash-request.ts";

/** What a mutation did: the answer's body, and what its audit row says besides who asked. */
export interface Mutation<Body> {
  readonly body: Body;
  readonly audit: Omit<AuditRecord, "actor" | "requestId">;
}

/** A request for a mutation. */
interface MutationRequest {
  readonly method: string;
  readonly path: string;
  /** The body's text. Only asked for when it is compared. */
  readonly readText: () => string | Promise<string>;
  /** Under what its answer is stored; undefined: it is not. */
  readonly idempotencyKey: string | undefined;
  /** Who asks, for the audit row. */
  readonly asker: Pick<AuditRecord, "actor" | "accountId" | "requestId">;
  /** Of the answer. */
  readonly status: number;
}

/**
 * Runs a mutation in one transaction with its audit row, and with an idempotency key also with its stored answer: all of
 * it is there, or nothing is. The run may be repeated when the database rolls it back, so it must have no other effects.
 *
 * Throws what the run does, FareboxError `idempotency_mismatch`, and HTTPException 400 for a body that is compared and not JSON.
 */
export async function runMutation<Body extends object>(
  database: Database,
  request: MutationRequest,
  run: (tx: Transaction) => Promise<Mutation<Body>>,
): Promise<{ readonly body: Body; readonly isReplay: boolean }> {
  const runAudited = async (tx: Transaction): Promise<Body> => {
    const { body, audit } = await run(tx);
    await writeAudit(tx, { ...audit, ...request.asker });
    return body;
  };
  const { idempotencyKey: key, status } = request;
  if (key === undefined) return { body: await database.transaction(runAudited), isReplay: false };
  const requestHash = hashRequest(request.method, request.path, await request.readText());
  const response = await runOperatorRequest(database, { key, requestHash }, async (tx) => ({
    status,
    body: await runAudited(tx),
  }));
  // Stored by the same operation under the same hash, so it has the shape that the operation returns.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { body: response.body as Body, isReplay: response.isReplay };
}
