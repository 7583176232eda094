import type { Problem } from "../domain/problem.ts";

/** An upstream's address without a slash at its end, `http://127.0.0.1:9000/v1`, or what is wrong with it. */
export function parseUpstreamAddress(text: string): string | Omit<Problem, "path"> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined)
    return { reason: "is not an address", fix: "write an address like http://127.0.0.1:9000" };
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return { reason: `the scheme ${url.protocol} cannot be forwarded to`, fix: "write http:// or https://" };
  }
  if (url.username !== "" || url.password !== "") {
    return { reason: "holds credentials", fix: "move them to headers: { Authorization: ${env:NAME} }" };
  }
  if (/[?#]/.test(text))
    return { reason: "has a query or a fragment", fix: `write ${url.origin}${url.pathname}` };
  return url.origin + url.pathname.replace(/\/+$/, "");
}

/** The gateway frames requests and chooses the host; a header of these would set it and the upstream at odds. */
const FRAMING = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What is wrong with a header for an upstream. The value is in no message: it is a secret more often than not. */
export function checkUpstreamHeader(name: string, value: string): Omit<Problem, "path"> | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
    return { reason: "is not a header's name", fix: "write letters, digits and hyphens" };
  }
  if (FRAMING.has(name.toLowerCase())) {
    return { reason: "frames the request", fix: "remove it: the gateway sets it" };
  }
  if (!/^[\x20-\x7e\t]*$/.test(value)) {
    return {
      reason: "holds a line break, a control sign or a sign outside of ASCII",
      fix: "write printable ASCII; a variable from a file may end with a line break",
    };
  }
  return undefined;
}
