import { RecentMap } from "../../meter/recent-map.ts";

/** Spellings that are remembered. A sender that makes up names pushes out others, which are then worked out anew. */
const MAX_KNOWN = 2_000;
/** Longer names are not remembered: what is kept stays small. */
const MAX_LENGTH = 64;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** What the gateway asks of a header's name, worked out once a spelling: a request and its answer have two dozen. */
export interface HeaderName {
  readonly lower: string;
  /** With hyphens for underscores: CGI-like upstreams (WSGI, PHP) read `X_Forwarded_For` as `X-Forwarded-For`. */
  readonly plain: string;
  /** Only what a name may hold (RFC 9110 §5.6.2). */
  readonly isToken: boolean;
}

const known = new RecentMap<HeaderName>(MAX_KNOWN);

/** Reads a name as it was spelt. */
export function headerName(spelling: string): HeaderName {
  const found = known.get(spelling);
  if (found !== undefined) return found;
  const lower = spelling.toLowerCase();
  const name: HeaderName = { lower, plain: lower.replaceAll("_", "-"), isToken: TOKEN.test(spelling) };
  if (spelling.length <= MAX_LENGTH) known.set(spelling, name);
  return name;
}
