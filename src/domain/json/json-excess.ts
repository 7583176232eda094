/** Deeper bodies are refused: what compares two of them goes as deep as they do. */
const MAX_DEPTH = 64;
/** Members and elements: a list of fifty thousand ids is worked on in 15 ms, an object of as many members is not. */
const MAX_ELEMENTS = 50_000;
const MAX_MEMBERS = 5_000;
const MAX_CONTAINERS = 8_000;

/**
 * Why a JSON text is more than a question to us or a description can be; undefined when it is not. Parsing a text of nothing but
 * brackets takes a hundred times as long as looking through it. The text need not be JSON.
 */
export function findJsonExcess(text: string): string | undefined {
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
        if (depth > MAX_DEPTH) return `is nested more than ${MAX_DEPTH} levels deep`;
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
  if (containers > MAX_CONTAINERS) return `has more than ${MAX_CONTAINERS} lists and objects`;
  if (members > MAX_MEMBERS) return `has more than ${MAX_MEMBERS} members`;
  return elements > MAX_ELEMENTS ? `has more than ${MAX_ELEMENTS} elements` : undefined;
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
