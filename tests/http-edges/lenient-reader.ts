/** What the most lenient readers make of a request: every value that one of them may take for a field. */

/** The values of a top-level member, whatever its case and however often, of what need not quite be JSON. */
export function readMembers(text: string, name: string): readonly unknown[] {
  const plain = text
    .replace(/^\ufeff/, "")
    .replace(/\/\*.*?\*\//gs, " ")
    .replace(/'/g, '"')
    .replace(/\b(?:NaN|Infinity)\b/g, "null")
    .replace(/,\s*([}\]])/g, "$1");
  const values: unknown[] = [];
  // A reviver is told of every member; the depth is found by reading the text once for each that is left out.
  const member = /"((?:[^"\\]|\\.)*)"\s*:\s*("(?:[^"\\]|\\.)*"|[\w.+-]+|[[{])/g;
  for (const { 1: spelling = "", 2: value = "", index } of plain.matchAll(member)) {
    if (depthAt(plain, index) === 1 && fold(unescape(spelling)) === name) values.push(scalarOf(value));
  }
  return values;
}

/** The values of a parameter in a query or form, of whoever takes `;` for `&`, ignores case, or reads lists. */
export function readParameterValues(text: string, name: string): readonly string[] {
  return text.split(/[&;]/).flatMap((piece) => {
    const [key = "", ...value] = piece.split("=");
    const plain = fold(decodeLeniently(key)).replace(/\[.*$/, "").trim();
    return plain === name ? [decodeLeniently(value.join("="))] : [];
  });
}

/** The values of a header, of CGI-like readers too. */
export function readHeaderValues(
  headers: readonly (readonly [string, string])[],
  name: string,
): readonly string[] {
  return headers.flatMap(([key, value]) => (key.toLowerCase().replaceAll("_", "-") === name ? [value] : []));
}

function depthAt(text: string, end: number): number {
  let depth = 0;
  for (const [mark] of text.slice(0, end).matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (mark === "{" || mark === "[") depth += 1;
    else if (mark === "}" || mark === "]") depth -= 1;
  }
  return depth;
}

function scalarOf(text: string): unknown {
  if (text.startsWith('"')) return unescape(text.slice(1, -1));
  return text === "true" ? true : text;
}

function unescape(text: string): string {
  return text.replace(/\\u([\da-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function fold(name: string): string {
  return name
    .normalize("NFKC")
    .replace(/[\u200b\0]/g, "")
    .toLowerCase();
}

function decodeLeniently(text: string): string {
  return text
    .replaceAll("+", " ")
    .replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
