/** What a text may have. What compares two bodies goes as deep as they do. */
export interface JsonLimits {
  readonly depth: number;
  readonly elements: number;
  readonly members: number;
  /** Lists and objects. */
  readonly containers: number;
}

/** A list of fifty thousand ids is worked on in 15 ms, an object of as many members is not. */
const OF_A_QUESTION: JsonLimits = { depth: 64, elements: 50_000, members: 5_000, containers: 8_000 };

/**
 * Why a JSON text is more than a question to us or a description can be; undefined when it is not. Parsing a text of nothing but
 * brackets takes a hundred times as long as looking through it. The text need not be JSON.
 */
export function findJsonExcess(text: string, limits: JsonLimits = OF_A_QUESTION): string | undefined {
  return lookThrough(text, limits).excess;
}

/** As {@link findJsonExcess}, with how many members the text has, which are those of its value unless an object has a name twice. */
export function lookThrough(
  text: string,
  limits: JsonLimits,
): { readonly excess: string | undefined; readonly members: number } {
  const counted = countJson(text, limits.depth);
  if (counted === undefined)
    return { excess: `is nested more than ${limits.depth} levels deep`, members: Number.NaN };
  const { elements, members, containers } = counted;
  const excess =
    containers > limits.containers
      ? `has more than ${limits.containers} lists and objects`
      : members > limits.members
        ? `has more than ${limits.members} members`
        : elements > limits.elements
          ? `has more than ${limits.elements} elements`
          : undefined;
  return { excess, members };
}

/** Of all objects in a value. */
export function countMembers(value: unknown): number {
  let count = 0;
  const left = [value];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    if (typeof at !== "object" || at === null) continue;
    const inside: unknown[] = Object.values(at);
    if (!Array.isArray(at)) count += inside.length;
    for (const one of inside) if (typeof one === "object") left.push(one);
  }
  return count;
}

/** Undefined: it is nested deeper. */
function countJson(text: string, mostDepth: number): Omit<JsonLimits, "depth"> | undefined {
  let depth = 0;
  let elements = 0;
  let members = 0;
  let containers = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = endOfString(text, at);
        break;
      case 0x5b:
      case 0x7b:
        depth += 1;
        containers += 1;
        if (depth > mostDepth) return undefined;
        break;
      case 0x5d:
      case 0x7d:
        depth -= 1;
        break;
      case 0x2c:
        elements += 1;
        break;
      case 0x3a:
        members += 1;
        break;
      default:
    }
  }
  return { elements, members, containers };
}

/** The place of its closing quote, or of the text's end. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at;
    if (code === 0x5c) at += 1;
  }
  return text.length;
}
