import type { IncomingMessage } from "node:http";

/** What the gateway itself needs of a request's headers, read in one pass over the raw list. */
export interface RequestHead {
  readonly host: string | undefined;
  /** How the body is framed: its length, `"chunked"`, or 0 when there is none. */
  readonly bodyLength: number | "chunked";
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly creditsMax: string | undefined;
  readonly expectsContinue: boolean;
  /** Lower-case names that the client's `Connection` header declares to be hop-by-hop. */
  readonly connectionNames: readonly string[];
}

/** Why a request is refused before anything of it is used: the `reason` of `request_invalid`. */
export interface HeadFault {
  readonly reason: string;
}

type Single =
  | "host"
  | "content-length"
  | "transfer-encoding"
  | "authorization"
  | "content-type"
  | "content-encoding"
  | "idempotency-key"
  | "credits-max"
  | "expect"
  | "range"
  | "upgrade";

/**
 * Headers that mean one thing once and something else, depending on who reads, twice. Node keeps the first
 * `Authorization`, joins others and lets a second `Host` pass, so the raw list decides.
 */
const SINGLE: ReadonlySet<string> = new Set<Single>([
  "host",
  "content-length",
  "transfer-encoding",
  "authorization",
  "content-type",
  "content-encoding",
  "idempotency-key",
  "credits-max",
  "expect",
  "range",
  "upgrade",
]);

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+=%-]+)(?::\d{1,5})?$/;
const DIGITS = /^\d{1,15}$/;
/** Framing and routing headers in CGI spelling: WSGI and PHP read `Content_Length` as `Content-Length`. */
const CGI_SPELLING = /^(?:content_length|transfer_encoding)$/;

/**
 * Checks what Node lets through (measured on Node 24; the test lists each): HTTP/0.9 and 2.0 request lines, two `Host`
 * headers or none, `Transfer-Encoding: gzip, chunked`, chunked on HTTP/1.0, and header lists that it cuts silently.
 * `maxHeaderCount + 1` must be the server's `maxHeadersCount`, so that the cut is seen.
 */
export function inspectHead(
  request: Pick<IncomingMessage, "rawHeaders" | "httpVersion">,
  maxHeaderCount: number,
): RequestHead | HeadFault {
  const { rawHeaders, httpVersion } = request;
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return { reason: "HTTP version is not 1.0 or 1.1" };
  if (rawHeaders.length > maxHeaderCount * 2) return { reason: `more than ${maxHeaderCount} headers` };
  const single = new Map<string, string>();
  const connectionNames: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase();
    const value = rawHeaders[i + 1] ?? "";
    if (SINGLE.has(name)) {
      if (single.has(name)) return { reason: `header ${name} appears more than once` };
      single.set(name, value);
    } else if (name === "connection") {
      addNames(connectionNames, value);
    } else if (CGI_SPELLING.test(name)) {
      return { reason: `header ${name} is ambiguous` };
    }
  }
  return readHead(single, connectionNames, httpVersion);
}

function readHead(
  single: ReadonlyMap<string, string>,
  connectionNames: readonly string[],
  httpVersion: string,
): RequestHead | HeadFault {
  const host = single.get("host");
  if (host === undefined && httpVersion === "1.1") return { reason: "header host is missing" };
  if (host !== undefined && !HOST.test(host)) return { reason: "header host is not a host" };
  const bodyLength = readFraming(single, httpVersion);
  if (typeof bodyLength === "object") return bodyLength;
  // The connection is ours: a client may not declare the headers that carry meaning to be hop-by-hop (RFC 9110 §7.6.1).
  for (const name of connectionNames) {
    if (name === "host" || name === "content-length" || name === "content-type") {
      return { reason: `connection names ${name}` };
    }
  }
  const expect = single.get("expect");
  if (expect !== undefined && expect.toLowerCase() !== "100-continue")
    return { reason: "header expect is not known" };
  return {
    host,
    bodyLength,
    contentType: single.get("content-type"),
    contentEncoding: single.get("content-encoding"),
    idempotencyKey: single.get("idempotency-key"),
    creditsMax: single.get("credits-max"),
    expectsContinue: expect !== undefined && httpVersion === "1.1",
    connectionNames,
  };
}

function readFraming(
  single: ReadonlyMap<string, string>,
  httpVersion: string,
): number | "chunked" | HeadFault {
  const coding = single.get("transfer-encoding");
  const length = single.get("content-length");
  if (coding !== undefined) {
    if (length !== undefined) return { reason: "both content-length and transfer-encoding" };
    if (httpVersion === "1.0") return { reason: "transfer-encoding on HTTP/1.0" };
    return coding.toLowerCase() === "chunked" ? "chunked" : { reason: "transfer-encoding is not chunked" };
  }
  if (length === undefined) return 0;
  return DIGITS.test(length) ? Number(length) : { reason: "content-length is not a number" };
}

function addNames(names: string[], value: string): void {
  for (const part of value.split(",")) {
    const name = part.trim().toLowerCase();
    if (name !== "") names.push(name);
  }
}
