import { createHash, type Hash } from "node:crypto";

/** Long enough for any UUID with a prefix; the ledger stores the key, so it is bounded. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255;

const QUOTED = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
const BARE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]+$/;

/**
 * Reads an `Idempotency-Key`. The draft (draft-ietf-httpapi-idempotency-key-header-07 §2.1) makes it a Structured Field
 * string, `"8e03978e"`; most clients send it bare, so both are read, and both forms of one text are one key.
 * Returns undefined when it is neither, empty or too long.
 */
export function parseIdempotencyKey(value: string): string | undefined {
  const quoted = QUOTED.exec(value);
  const key = quoted === null ? bareKey(value) : (quoted[1] ?? "").replaceAll(/\\(["\\])/g, "$1");
  return key === undefined || key === "" || key.length > MAX_IDEMPOTENCY_KEY_LENGTH ? undefined : key;
}

/** Two headers joined by a comma, or a string with parameters, are no key. */
function bareKey(value: string): string | undefined {
  return BARE.test(value) ? value : undefined;
}

/**
 * The fingerprint that tells a retry from another request under the same key: method, path with query, media type and
 * body. The parts are separated by lengths, so that no two requests share one input. What `update` gets next is the body;
 * `digest("hex")` is the fingerprint, SHA-256.
 */
export function beginRequestHash(
  method: string,
  pathAndQuery: string,
  contentType: string | undefined,
): Hash {
  const type = contentType ?? "";
  return createHash("sha256").update(
    `${method} ${pathAndQuery.length} ${pathAndQuery} ${type.length} ${type}\n`,
    "latin1",
  );
}
