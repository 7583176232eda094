import type { IncomingMessage } from "node:http";

/** Of the client's own headers these say what the handler's server received: its host, and how the body is framed. */
const KEPT: ReadonlySet<string> = new Set(["host", "content-length", "transfer-encoding"]);

/** Node keeps the first of these, where there are several. */
const FIRST: ReadonlySet<string> = new Set([
  "age",
  "authorization",
  "content-length",
  "content-type",
  "etag",
  "expires",
  "from",
  "host",
  "if-modified-since",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "proxy-authorization",
  "referer",
  "retry-after",
  "server",
  "user-agent",
]);

/** What frameworks add to a request. */
interface RoutedRequest extends IncomingMessage {
  originalUrl?: string;
  baseUrl?: string;
}

/** The target as the client wrote it: a router that is mounted on a path has cut that path off. */
export function clientUrl(request: IncomingMessage): string {
  return (request as RoutedRequest).originalUrl ?? request.url ?? "";
}

/**
 * Lets the handler see what was priced and nothing else: the path in its normal form, the query without a key, and `forwarded`, the
 * headers as an upstream behind a gateway gets them. Gives what brings back the headers that the client sent. False: the priced path
 * does not lie where the router is mounted, so that the handler would see another one.
 */
export function showPriced(
  request: IncomingMessage,
  path: string,
  forwarded: readonly string[],
): { client(): void; handler(): void } | false {
  const routed = request as RoutedRequest;
  const base = routed.baseUrl ?? "";
  if (!path.startsWith(base)) return false;
  const rest = path.slice(base.length);
  routed.url = rest.startsWith("/") ? rest : `/${rest}`;
  if (routed.originalUrl !== undefined) routed.originalUrl = path;
  const client = { raw: request.rawHeaders, headers: request.headers, distinct: request.headersDistinct };
  const kept: string[] = [];
  for (let i = 0; i < client.raw.length; i += 2) {
    const name = client.raw[i] ?? "";
    if (KEPT.has(name.toLowerCase())) kept.push(name, client.raw[i + 1] ?? "");
  }
  const raw = [...kept, ...forwarded.filter((_, i) => !isFraming(forwarded[i - (i % 2)]))];
  const handler = { raw, headers: joinHeaders(raw), distinct: listHeaders(raw) };
  const show = (shown: typeof client): void => {
    request.rawHeaders = shown.raw;
    request.headers = shown.headers;
    request.headersDistinct = shown.distinct;
  };
  show(handler);
  return { client: () => show(client), handler: () => show(handler) };
}

function isFraming(name: string | undefined): boolean {
  return name !== undefined && KEPT.has(name.toLowerCase());
}

/** As Node puts several lines of one name together. */
function joinHeaders(raw: readonly string[]): IncomingMessage["headers"] {
  const headers: IncomingMessage["headers"] = {};
  for (const [name, values] of Object.entries(listHeaders(raw))) {
    if (values === undefined) continue;
    if (name === "set-cookie") headers[name] = values;
    else if (FIRST.has(name)) headers[name] = values[0];
    else headers[name] = values.join(name === "cookie" ? "; " : ", ");
  }
  return headers;
}

function listHeaders(raw: readonly string[]): IncomingMessage["headersDistinct"] {
  // Without a prototype, as Node makes it: a header may be called `constructor`.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const distinct = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]?.toLowerCase() ?? "";
    (distinct[name] ??= []).push(raw[i + 1] ?? "");
  }
  return distinct;
}
