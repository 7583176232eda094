/** Digits that a double keeps apart: two numbers with no more of them are equal only if they are one number. */
const EXACT_DIGITS = 15;
const LARGEST_EXACT = 1e290;

/**
 * A JSON text as {@link canonicalJson} writes its value, but that numbers which a double cannot hold keep their own digits: two
 * ids of 20 digits stay two. Undefined when an object has a name twice, whose value nobody knows. The text is valid JSON, and
 * nested no deeper than the caller lets it be.
 */
export function canonicalJsonText(text: string): string | undefined {
  return new Reader(text).read();
}

/** The text of a number, the same for all spellings of one value that a double holds: `1`, `1.0` and `1e0`. */
export function canonicalNumber(text: string): string {
  const digits = text
    .replace(/[eE].*$/, "")
    .replace(/[-.]/g, "")
    .replace(/^0+/, "");
  if (digits === "") return "0";
  const value = Number(text);
  const size = Math.abs(value);
  const isExact = digits.length <= EXACT_DIGITS && size < LARGEST_EXACT && size > 1 / LARGEST_EXACT;
  return isExact ? JSON.stringify(value) : text.toLowerCase();
}

const TOKEN = /\s*(?:([[\]{}:,])|("(?:[^"\\]|\\.)*")|([^\s[\]{}:,"]+))/y;

class Reader {
  readonly #text: string;
  #at = 0;
  #isAmbiguous = false;

  constructor(text: string) {
    this.#text = text;
  }

  read(): string | undefined {
    const canonical = this.#value(this.#next());
    return this.#isAmbiguous ? undefined : canonical;
  }

  #next(): string {
    TOKEN.lastIndex = this.#at;
    const token = TOKEN.exec(this.#text);
    if (token === null) throw new Error("the text is not JSON");
    this.#at = TOKEN.lastIndex;
    return token[1] ?? token[2] ?? token[3] ?? "";
  }

  #value(token: string): string {
    if (token === "[") return this.#list();
    if (token === "{") return this.#object();
    if (token.startsWith('"')) return canonicalString(token);
    return /^[-\d]/.test(token) ? canonicalNumber(token) : token;
  }

  #list(): string {
    const items: string[] = [];
    for (let token = this.#next(); token !== "]"; token = this.#next()) {
      if (token !== ",") items.push(this.#value(token));
    }
    return `[${items.join(",")}]`;
  }

  #object(): string {
    const members = new Map<string, string>();
    for (let token = this.#next(); token !== "}"; token = this.#next()) {
      if (token === ",") continue;
      const name = String(JSON.parse(token));
      this.#next();
      if (members.has(name)) this.#isAmbiguous = true;
      members.set(name, this.#value(this.#next()));
    }
    const names = [...members.keys()].sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${members.get(name) ?? ""}`).join(",")}}`;
  }
}

function canonicalString(token: string): string {
  return JSON.stringify(JSON.parse(token));
}
