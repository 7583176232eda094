import { FareboxError } from "../../../domain/farebox-error.ts";
import { reasonOf } from "../storage-error.ts";

/** What Node says of a certificate whose authority it does not know. */
const UNKNOWN_AUTHORITY = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** What to do when a session could not be opened because of TLS; undefined: that was not why, or only the server's side can do something. */
export function tlsFix(error: unknown): string | undefined {
  if (UNKNOWN_AUTHORITY.has(codeOf(error))) {
    return "Name the authority that signed its certificate: ?sslmode=require&sslrootcert=/path/to/ca.pem. sslmode=no-verify believes whoever answers.";
  }
  // The driver's own words; it gives no code.
  return reasonOf(error) === "The server does not support SSL connections"
    ? "Turn TLS on at the server (ssl = on), or leave out sslmode."
    : undefined;
}

function codeOf(error: unknown): string {
  const cause = error instanceof FareboxError ? error.cause : error;
  return String(Object(cause instanceof Error && cause.cause !== undefined ? cause.cause : cause).code);
}
