import { STATUS_CODES } from "node:http";
import { headerName } from "./header-name.ts";

/** The upstream's header list as text, flat: name, value, name, value … */
export type HeaderList = string[];

/** Hop-by-hop (RFC 9110 §7.6.1) or set by us on every response. Trailers are dropped, and so is their announcement. */
const NEVER_RELAYED: ReadonlySet<string> = new Set([
  "connection",
  "idempotency-replayed",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-request-id",
]);

/** What Node accepts in a header's value (RFC 9110 §5.5, with obs-text); anything else would fail after the charge. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const STATUS_TEXT = /^[\t\x20-\x7e]*$/;

/** What the gateway reads of a response's headers while it copies them. */
export interface ResponseHead {
  /** To relay: order and spelling kept; hop-by-hop and forged headers removed. */
  readonly headers: HeaderList;
  readonly length: number | undefined;
  readonly contentType: string | undefined;
  /** Lower-case; undefined when there is none or it is `identity`. */
  readonly contentEncoding: string | undefined;
  readonly hasCacheControl: boolean;
  /** The value of the header that a price counts results in. */
  readonly countHeader: string | undefined;
  /** Other headers that a price reads, by their names in lower case. */
  readonly readHeaders?: ReadonlyMap<string, string> | undefined;
}

/** What is looked for among a response's headers, and what is left out besides what only we may set: names in lower case. */
export interface HeaderRules {
  /** The one that a price counts results in. */
  readonly countHeader?: string | undefined;
  readonly read?: ReadonlySet<string> | undefined;
  readonly hidden?: ReadonlySet<string> | undefined;
}

export interface ResponseFault {
  readonly reason: string;
}

/**
 * Copies the upstream's headers. The upstream is untrusted: header count is bounded here (size by undici), names that
 * only we may set are removed, and what the client and we could frame differently is refused: two lengths, another
 * transfer coding than chunked.
 * `removed` holds the contract's own headers in lower case.
 */
export function readResponseHead(
  raw: readonly (Buffer | string)[],
  removed: ReadonlySet<string>,
  maxHeaderCount: number,
  { countHeader: countHeaderName, read, hidden }: HeaderRules = {},
): ResponseHead | ResponseFault {
  if (raw.length > maxHeaderCount * 2) return { reason: `more than ${maxHeaderCount} headers` };
  const headers: HeaderList = [];
  const connectionNames: string[] = [];
  let length: number | undefined;
  let contentType: string | undefined;
  let contentEncoding: string | undefined;
  let countHeader: string | undefined;
  let readHeaders: Map<string, string> | undefined;
  let hasCacheControl = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = latin1(raw[i]);
    const { lower, isToken } = headerName(name);
    const value = latin1(raw[i + 1]);
    if (!isToken || !VALUE.test(value)) return { reason: "a header holds bytes that no header may hold" };
    if (lower === "transfer-encoding" && value.toLowerCase() !== "chunked") {
      return { reason: "transfer-encoding is not chunked" };
    }
    if (lower === countHeaderName)
      countHeader = countHeader === undefined ? value : `${countHeader}, ${value}`;
    if (read?.has(lower) === true) {
      const earlier = readHeaders?.get(lower);
      readHeaders ??= new Map();
      readHeaders.set(lower, earlier === undefined ? value : `${earlier}, ${value}`);
    }
    if (lower === "content-length") {
      if (length !== undefined || !/^\d{1,15}$/.test(value))
        return { reason: "content-length is not one number" };
      length = Number(value);
    }
    // `keep-alive` names only a header that is never relayed.
    if (lower === "connection" && value !== "keep-alive")
      connectionNames.push(...value.toLowerCase().split(/[\s,]+/));
    if (NEVER_RELAYED.has(lower) || removed.has(lower) || lower.startsWith("x-farebox-")) continue;
    // A length is the framing's; the others are nobody's business but the price's.
    if (hidden?.has(lower) === true && lower !== "content-length") continue;
    if (lower === "content-type") contentType = value;
    else if (lower === "content-encoding") contentEncoding = joinCodings(contentEncoding, value);
    else if (lower === "cache-control") hasCacheControl = true;
    headers.push(name, value);
  }
  const relayed = connectionNames.length === 0 ? headers : withoutNames(headers, connectionNames);
  return {
    headers: relayed,
    length,
    contentType,
    contentEncoding,
    hasCacheControl,
    countHeader,
    readHeaders,
  };
}

/** The upstream's words for its status, or none when Node would refuse them. */
export function cleanStatusText(status: number, text: string | undefined): string | undefined {
  if (text === undefined || text === STATUS_CODES[status]) return text;
  return STATUS_TEXT.test(text) ? text : undefined;
}

/** The list with this one length, in the place where the upstream had put its own. */
export function withLength(headers: HeaderList, length: number): HeaderList {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== "content-length") continue;
    headers[i + 1] = String(length);
    return headers;
  }
  headers.push("Content-Length", String(length));
  return headers;
}

/** The list of a body whose length is not known when its head is sent. */
export function withoutLength(headers: HeaderList): HeaderList {
  const at = headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === "content-length");
  if (at !== -1) headers.splice(at, 2);
  return headers;
}

/** Digests of a body that we extended are wrong; a strong validator no longer holds (RFC 9110 §8.8.1). */
export function headersOfExtendedBody(headers: HeaderList): HeaderList {
  const kept: HeaderList = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const value = headers[i + 1] ?? "";
    switch (name.toLowerCase()) {
      case "content-digest":
      case "repr-digest":
      case "digest":
      case "content-md5":
      case "content-encoding":
      case "accept-ranges":
        break;
      case "etag":
        kept.push(name, value.startsWith("W/") ? value : `W/${value}`);
        break;
      default:
        kept.push(name, value);
    }
  }
  return kept;
}

function joinCodings(first: string | undefined, value: string): string | undefined {
  const lower = value.trim().toLowerCase();
  if (lower === "" || lower === "identity") return first;
  return first === undefined ? lower : `${first}, ${lower}`;
}

function withoutNames(headers: HeaderList, names: readonly string[]): HeaderList {
  const kept: HeaderList = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const lower = name.toLowerCase();
    // A length is no business of one connection, and the body is sent with it.
    if (lower === "content-length" || !names.includes(lower)) kept.push(name, headers[i + 1] ?? "");
  }
  return kept;
}

function latin1(text: Buffer | string | undefined): string {
  return typeof text === "string" ? text : (text?.toString("latin1") ?? "");
}
