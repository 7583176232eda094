import { HTTPException } from "hono/http-exception";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { FieldFault, Refusal } from "../../domain/refusal.ts";
import { isUnstorable } from "../problem.ts";
import { RefusalError } from "./refusal-error.ts";

/** Mistakes that concern one field, by the code that says so. */
const FAULT_OF_CODE: Readonly<Record<string, FieldFault>> = {
  cursor_invalid: { path: "cursor", reason: "is not one that a list gave as its next" },
  key_expiry_past: { path: "expiresAt", reason: "must be in the future" },
};

/** What a key's present state does not allow. */
const CONFLICTS = new Set(["key_revoked", "key_expired", "key_grace_full"]);

/** The refusal that a thrown mistake of the caller is; undefined for faults of the environment and broken invariants. */
export function refusalOfError(error: unknown): Refusal | undefined {
  if (error instanceof RefusalError) return error.refusal;
  if (error instanceof HTTPException) return refusalOfHttp(error);
  if (isUnstorable(error)) return { code: "request_invalid", reason: "a text has a NUL character" };
  if (!(error instanceof FareboxError) || error.retryable) return undefined;
  const { code, message, detail } = error;
  const fault = FAULT_OF_CODE[code];
  const { errors } = detail;
  if (Array.isArray(errors)) return { code: "fields_invalid", errors: readFaults(errors) };
  if (fault !== undefined) return { code: "fields_invalid", errors: [fault] };
  if (code === "key_unknown") return { code: "resource_unknown", what: "key", id: String(detail["keyId"]) };
  if (code === "idempotency_mismatch") return { code };
  if (CONFLICTS.has(code)) return { code: "state_conflict", reason: message };
  if (code === "action_not_permitted" || code === "state_conflict") return { code, reason: message };
  // Closed between the key's check and the transaction.
  if (code === "account_closed") return { code: "state_conflict", reason: "The account is closed." };
  return undefined;
}

/** What the framework refuses before an operation runs: bodies that are no JSON. */
function refusalOfHttp(error: HTTPException): Refusal | undefined {
  if (error.status === 415) {
    return { code: "media_type_unsupported", reason: "it must be sent as application/json" };
  }
  return error.status === 400 ? { code: "request_invalid", reason: "the body is not JSON" } : undefined;
}

function readFaults(errors: readonly unknown[]): readonly FieldFault[] {
  // Every error that names fields does so in this form.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (errors as FieldFault[]).map(({ path, reason }) => ({ path, reason }));
}
