import { headerName } from "./header-name.ts";

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

/**
 * Headers that mean one thing once and something else, depending on who reads, twice. Node keeps the first
 * `Authorization`, joins others and lets a second `Host` pass, so the raw list decides.
 */
const SINGLE = [
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
] as const;

type Single = (typeof SINGLE)[number];

/** The value of each in a request, by its place in {@link SINGLE}. */
type Singles = (string | undefined)[];

const PLACES: ReadonlyMap<string, number> = new Map(SINGLE.map((name, place) => [name, place]));
const NONE: Singles = Array.from(SINGLE, () => undefined);
const HOST_AT = placeOf("host");
const LENGTH_AT = placeOf("content-length");
const CODING_AT = placeOf("transfer-encoding");
const TYPE_AT = placeOf("content-type");
const ENCODING_AT = placeOf("content-encoding");
const IDEMPOTENCY_AT = placeOf("idempotency-key");
const MAX_AT = placeOf("credits-max");
const EXPECT_AT = placeOf("expect");

function placeOf(name: Single): number {
  return SINGLE.indexOf(name);
}

/** What nearly every `Connection` header says, and nobody changes. */
const CONNECTION_NAMES: ReadonlyMap<string, readonly string[]> = new Map([
  ["keep-alive", ["keep-alive"]],
  ["close", ["close"]],
]);
const NO_NAMES: readonly string[] = [];

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+=%-]+)(?::\d{1,5})?$/;
const DIGITS = /^\d{1,15}$/;
/** Framing and routing headers in CGI spelling: WSGI and PHP read `Content_Length` as `Content-Length`. */
const CGI_SPELLING: ReadonlySet<string> = new Set(["content_length", "transfer_encoding"]);

/**
 * Checks what Node lets through (measured on Node 24; the test lists each): HTTP/0.9 and 2.0 request lines, two `Host`
 * headers or none, `Transfer-Encoding: gzip, chunked`, chunked on HTTP/1.0, and header lists that it cuts silently.
 * `maxHeaderCount + 1` must be the server's `maxHeadersCount`, so that the cut is seen.
 */
export function inspectHead(
  request: { readonly rawHeaders: readonly string[]; readonly httpVersion: string },
  maxHeaderCount: number,
): RequestHead | HeadFault {
  const { rawHeaders, httpVersion } = request;
  // A stream's is "2"; a request line of HTTP/1.1 that claims it has "2.0".
  if (httpVersion !== "1.1" && httpVersion !== "1.0" && httpVersion !== "2")
    return { reason: "HTTP version is not 1.0 or 1.1" };
  if (rawHeaders.length > maxHeaderCount * 2) return { reason: `more than ${maxHeaderCount} headers` };
  const singles = NONE.slice();
  let connectionNames = NO_NAMES;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { lower } = headerName(rawHeaders[i] ?? "");
    const value = rawHeaders[i + 1] ?? "";
    const place = PLACES.get(lower);
    if (place !== undefined) {
      if (singles[place] !== undefined) return { reason: `header ${lower} appears more than once` };
      singles[place] = value;
    } else if (lower === "connection") {
      connectionNames = addNames(connectionNames, value);
    } else if (CGI_SPELLING.has(lower)) {
      return { reason: `header ${lower} is ambiguous` };
    }
  }
  return readHead(singles, connectionNames, httpVersion);
}

function readHead(
  singles: Singles,
  connectionNames: readonly string[],
  httpVersion: string,
): RequestHead | HeadFault {
  const host = singles[HOST_AT];
  if (host === undefined && httpVersion !== "1.0") return { reason: "header host is missing" };
  if (host !== undefined && !HOST.test(host)) return { reason: "header host is not a host" };
  const bodyLength = readFraming(singles, httpVersion);
  if (typeof bodyLength === "object") return bodyLength;
  // The connection is ours: a client may not declare the headers that carry meaning to be hop-by-hop (RFC 9110 §7.6.1).
  for (const name of connectionNames) {
    if (name === "host" || name === "content-length" || name === "content-type") {
      return { reason: `connection names ${name}` };
    }
  }
  const expect = singles[EXPECT_AT];
  if (expect !== undefined && expect.toLowerCase() !== "100-continue")
    return { reason: "header expect is not known" };
  return {
    host,
    bodyLength,
    contentType: singles[TYPE_AT],
    contentEncoding: singles[ENCODING_AT],
    idempotencyKey: singles[IDEMPOTENCY_AT],
    creditsMax: singles[MAX_AT],
    expectsContinue: expect !== undefined && httpVersion !== "1.0",
    connectionNames,
  };
}

function readFraming(singles: Singles, httpVersion: string): number | "chunked" | HeadFault {
  const coding = singles[CODING_AT];
  const length = singles[LENGTH_AT];
  if (coding !== undefined) {
    if (length !== undefined) return { reason: "both content-length and transfer-encoding" };
    if (httpVersion === "1.0") return { reason: "transfer-encoding on HTTP/1.0" };
    return coding.toLowerCase() === "chunked" ? "chunked" : { reason: "transfer-encoding is not chunked" };
  }
  if (length === undefined) return 0;
  return DIGITS.test(length) ? Number(length) : { reason: "content-length is not a number" };
}

function addNames(names: readonly string[], value: string): readonly string[] {
  if (names === NO_NAMES) {
    const usual = CONNECTION_NAMES.get(value);
    if (usual !== undefined) return usual;
  }
  const added = value.split(",").map((part) => part.trim().toLowerCase());
  return [...names, ...added.filter((name) => name !== "")];
}
