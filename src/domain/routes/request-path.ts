/** A request target that is safe to match and to forward. */
export interface RequestTarget {
  /** Normalised: what prices are matched against is byte for byte what the upstream receives. */
  readonly path: string;
  /** With its question mark, or `""`. Forwarded as it came. */
  readonly query: string;
}

/** Why a target is refused: the `reason` of `request_invalid`. */
export interface TargetFault {
  readonly reason: string;
}

/** Paths of nothing but these characters and single slashes are already normal: the usual case, decided by one regular expression. */
const PLAIN_PATH = /^(?:\/[\w~!$&'()*,=:@+-][\w.~!$&'()*,=:@+-]*)+\/?$/;
const PLAIN_QUERY = /^[\x21\x22\x24-\x7e]*$/;
const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;

/**
 * Characters that stand for themselves in a path segment (RFC 3986 pchar), so that `%41` and `A` cannot be two routes.
 * `+` and `;` are left out: encoded and raw they mean different things to some upstreams, so each stays as it came.
 */
const DECODED = /[\w.~!$&'()*,=:@-]/;
const RAW_PLUS = 0x2b;

/**
 * Reads an origin-form request target (RFC 9112 §3.2.1). The path is brought into one normal form; targets that two
 * servers could read differently are refused: absolute form, `//host`, encoded slashes and backslashes, control
 * bytes, dot segments, empty segments, matrix parameters, fragments, bytes outside ASCII and broken encodings.
 * `mayHoldSlashes`: encoded slashes stay as they are, for what is answered here and never forwarded.
 */
export function parseTarget(target: string, mayHoldSlashes = false): RequestTarget | TargetFault {
  const mark = target.indexOf("?");
  const rawPath = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? "" : target.slice(mark);
  if (!PLAIN_QUERY.test(query)) return { reason: "query contains a byte that must be encoded" };
  if (rawPath === "/" || PLAIN_PATH.test(rawPath)) return { path: rawPath, query };
  if (!rawPath.startsWith("/")) return { reason: "target is not a path" };
  const path = normalizePath(rawPath, mayHoldSlashes);
  return typeof path === "string" ? { path, query } : path;
}

function normalizePath(rawPath: string, mayHoldSlashes: boolean): string | TargetFault {
  const segments = rawPath.slice(1).split("/");
  const normal: string[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment === "" && index < segments.length - 1) return { reason: "path contains an empty segment" };
    const decoded = normalizeSegment(segment, mayHoldSlashes);
    if (typeof decoded !== "string") return decoded;
    if (decoded === "." || decoded === "..") return { reason: "path contains a dot segment" };
    normal.push(decoded);
  }
  return `/${normal.join("/")}`;
}

function normalizeSegment(segment: string, mayHoldSlashes: boolean): string | TargetFault {
  let normal = "";
  for (let i = 0; i < segment.length; i++) {
    const code = segment.charCodeAt(i);
    if (code === 0x25) {
      const pair = segment.slice(i + 1, i + 3);
      if (!HEX_PAIR.test(pair)) return { reason: "path contains a broken percent-encoding" };
      const fault = refusedByte(Number.parseInt(pair, 16));
      if (fault !== undefined && !(mayHoldSlashes && fault === "slash"))
        return { reason: `path contains an encoded ${fault}` };
      normal += normalByte(Number.parseInt(pair, 16));
      i += 2;
      continue;
    }
    if (code > 0x7e || code <= 0x20) return { reason: "path contains a byte that must be encoded" };
    if (code === 0x5c) return { reason: "path contains a backslash" };
    if (code === 0x23) return { reason: "path contains a fragment" };
    // Java servers cut `/priced;x` to `/priced` before routing: what we matched would not be what they serve.
    if (code === 0x3b) return { reason: "path contains a matrix parameter" };
    normal += code === RAW_PLUS ? "+" : normalByte(code);
  }
  return isUtf8(normal) ? normal : { reason: "path is not UTF-8" };
}

function refusedByte(byte: number): string | undefined {
  if (byte === 0x2f) return "slash";
  if (byte === 0x5c) return "backslash";
  return byte < 0x20 || byte === 0x7f ? "control byte" : undefined;
}

function normalByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return byte < 0x80 && DECODED.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Overlong forms (`%C0%AF` for a slash) are no UTF-8, so this refuses them too. */
function isUtf8(segment: string): boolean {
  if (!segment.includes("%")) return true;
  try {
    decodeURIComponent(segment);
    return true;
  } catch {
    return false;
  }
}
