/** A body's media type (RFC 9110 §8.3.1). */
export interface MediaType {
  /** In lower case. */
  readonly type: string;
  /** By their names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TYPE = /^([\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+)[ \t]*/;
const PARAMETER = /;[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"([^"\\]*)"|([\w!#$%&'*+.^`|~-]+))[ \t]*/y;

/**
 * Reads a `Content-Type`. Undefined: it is none, says one thing twice, or in the way of RFC 2231 (`charset*=utf-8''utf-7`), which some
 * frameworks read and others do not.
 */
export function parseMediaType(text: string): MediaType | undefined {
  const head = TYPE.exec(text);
  if (head === null) return undefined;
  const parameters = new Map<string, string>();
  let at = head[0].length;
  while (at < text.length) {
    PARAMETER.lastIndex = at;
    const found = PARAMETER.exec(text);
    const name = found?.[1]?.toLowerCase();
    if (found === null || name === undefined || name.includes("*") || parameters.has(name)) return undefined;
    parameters.set(name, found[2] ?? found[3] ?? "");
    at = PARAMETER.lastIndex;
  }
  return { type: (head[1] ?? "").toLowerCase(), parameters };
}

/** Whether a text of this type is UTF-8, which it is unless it says otherwise. */
export function isOfUtf8({ parameters }: MediaType): boolean {
  const charset = parameters.get("charset")?.toLowerCase();
  return charset === undefined || charset === "utf-8" || charset === "utf8";
}
