import { compileText, type Render, type TemplateProblem } from "./template.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Headers of an answer, ready to be rendered. */
export type RenderHeaders<Facts> = (facts: Facts) => [string, string][];

/** Set by the gateway, by HTTP framing, or by a field of the contract: a contract's header list must not set them too. */
const RESERVED: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "cache-control": "remove it: what Farebox answers or charges is not for caches",
    connection: "remove it: the gateway frames the answer",
    "content-length": "remove it: the gateway frames the answer",
    "content-encoding": "remove it: the gateway frames the answer",
    "content-type": "write it as contentType",
    date: "remove it: the gateway sets it",
    "keep-alive": "remove it: the gateway frames the answer",
    "retry-after": "write it as retryAfter",
    te: "remove it: the gateway frames the answer",
    trailer: "remove it: the gateway frames the answer",
    "transfer-encoding": "remove it: the gateway frames the answer",
    upgrade: "remove it: the gateway frames the answer",
    "x-request-id": "remove it: the gateway sets it on every answer",
  }),
);

/** A header's name, checked. */
export function checkHeaderName(
  name: string,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): void {
  const fix = RESERVED.get(name.toLowerCase());
  if (fix !== undefined)
    problems.push({ path, reason: `the header ${name} is not a contract's to set`, fix });
}

/** A header's text. What its placeholders bring is cleaned, so that no value can end the line or start another header. */
export function compileHeaderText<Facts>(
  template: string,
  vocabulary: Vocabulary<Facts>,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): Render<Facts> {
  if (cleanHeaderText(template) !== template) {
    problems.push({
      path,
      reason: "holds a line break or a sign outside of ASCII",
      fix: "write printable ASCII only",
    });
  }
  const render = compileText(template, vocabulary, problems, path);
  return (facts) => cleanHeaderText(render(facts));
}

export function compileHeaders<Facts>(
  templates: Readonly<Record<string, string>>,
  vocabulary: Vocabulary<Facts>,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): RenderHeaders<Facts> {
  const headers = Object.entries(templates).map(([name, template]) => {
    checkHeaderName(name, problems, [...path, name]);
    return { name, render: compileHeaderText(template, vocabulary, problems, [...path, name]) };
  });
  return (facts) => headers.map(({ name, render }) => [name, render(facts)]);
}

/** Signs that a header may not hold become `?` (RFC 9110 section 5.5: CR, LF and NUL are dangerous; obs-text is opaque). */
export function cleanHeaderText(text: string): string {
  for (let index = 0; index < text.length; index += 1) {
    if (!isHeaderSign(text.charCodeAt(index))) return Array.from(text, cleanSign).join("");
  }
  return text;
}

function cleanSign(sign: string): string {
  return sign.length === 1 && isHeaderSign(sign.charCodeAt(0)) ? sign : "?";
}

function isHeaderSign(code: number): boolean {
  return (code >= 0x20 && code <= 0x7e) || code === 0x09;
}

/**
 * Headers of requests that frame a message, belong to one connection, or mean something of their own. One that carried a key would
 * be taken for that as well: a request with `Content-Length: key` is no request, and a key in `Host` would reach every log.
 */
const TAKEN: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "credits-max",
  "date",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "idempotency-key",
  "if-range",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-real-ip",
  "x-request-id",
]);

/** Proxies set these, and clients are not believed. */
const OF_PROXIES = /^x-(?:forwarded|farebox)-/;

/** Checks that a contract may read something of its own from this header of a request. */
export function checkReadHeader(
  name: string,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): void {
  // CGI spelling: to many servers `content_length` is the same header.
  const plain = name.toLowerCase().replaceAll("_", "-");
  if (!TAKEN.has(plain) && !OF_PROXIES.test(plain)) return;
  problems.push({
    path,
    reason: `the header ${name} has a meaning of its own, and nothing else can be read from it`,
    fix: "name a header of the API: X-Api-Key, Authorization",
  });
}
