/** A path's segments: `"/v1/leads"` is `["v1", "leads"]`; empty ones (doubled and trailing slashes) are left out. */
export function splitPath(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}

/**
 * A segment percent-decoded once, as an upstream reads it. Text that is not percent-encoded UTF-8 stays as it is:
 * such a path must still find its price, or an upstream that is less strict would serve it for nothing.
 */
export function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
