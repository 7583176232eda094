/**
 * Never forwarded. Hop-by-hop ones belong to the client's connection (RFC 9110 §7.6.1); `expect` was answered by us;
 * `host` is the upstream's own; the overrides would make the upstream serve another route than the one that was priced.
 */
export const NEVER_FORWARDED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "credits-max",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "idempotency-replayed",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-uri",
  "x-original-url",
  "x-real-ip",
  "x-request-id",
  "x-rewrite-url",
]);

/** Clients cannot set these: an upstream may trust them. `plainName`: in lower case, with hyphens. */
export function isOurHeader(plainName: string): boolean {
  return (
    plainName.startsWith("x-f") &&
    (plainName.startsWith("x-farebox-") || plainName.startsWith("x-forwarded-"))
  );
}
