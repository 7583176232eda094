import type { Refusal } from "../../domain/refusal.ts";

const TIMEOUTS: ReadonlySet<string> = new Set([
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "ETIMEDOUT",
]);

const NOT_HTTP: ReadonlySet<string> = new Set([
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_RES_EXCEEDED_MAX_SIZE",
]);

/** The library's or system's code of an error, or `"unknown"`. */
export function faultCode(error: unknown): string {
  const code: unknown =
    typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "unknown";
}

/** What a client is told of a call that failed before an answer to it had begun. Never the upstream's address. */
export function upstreamRefusal(error: unknown, headReceived: boolean): Refusal {
  const code = faultCode(error);
  if (TIMEOUTS.has(code)) return { code: "upstream_timeout" };
  if (NOT_HTTP.has(code) || code.startsWith("HPE_")) {
    return { code: "upstream_invalid", reason: "the response is not valid HTTP" };
  }
  if (headReceived) return { code: "upstream_invalid", reason: "the response was cut short" };
  return { code: "upstream_unreachable" };
}
