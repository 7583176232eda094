/** One hop as RFC 7239 tells it. */
export interface ForwardedHop {
  /** `192.0.2.60`, `2001:db8::1`, `unknown` or `_hidden`; without port and brackets. */
  readonly for: string | undefined;
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

/** A proxy chain has a few hops; what is longer was made to keep us busy. */
export const MAX_HOPS = 50;

const TOKEN = /[\w!#$%&'*+.^`|~-]+/y;
const QUOTED = /"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"/y;
const BLANK = /[ \t]*/y;

/** `for=192.0.2.60;proto=https, for="[2001:db8::1]:4711"`; undefined when it is not written so. The oldest hop comes first. */
export function parseForwarded(text: string): readonly ForwardedHop[] | undefined {
  const hops: ForwardedHop[] = [];
  const reader = new Reader(text);
  do {
    const pairs = readPairs(reader);
    if (pairs === undefined || hops.length === MAX_HOPS) return undefined;
    const node = pairs.get("for");
    hops.push({
      for: node === undefined ? undefined : withoutPort(node),
      proto: pairs.get("proto"),
      host: pairs.get("host"),
    });
  } while (reader.take(","));
  return reader.isDone ? hops : undefined;
}

/** `192.0.2.60:80`, `[2001:db8::1]:80`, `[2001:db8::1]` and what has no port. */
export function withoutPort(node: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::[\w.-]+)?$/.exec(node) ?? [];
  if (bracketed !== undefined) return bracketed;
  const [, plain] = /^([^:]*):[\w.-]+$/.exec(node) ?? [];
  return plain ?? node;
}

function readPairs(reader: Reader): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>();
  do {
    reader.skipBlank();
    const name = reader.match(TOKEN)?.[0]?.toLowerCase();
    if (name === undefined || pairs.has(name) || !reader.take("=")) return undefined;
    const quoted = reader.match(QUOTED);
    const value = quoted === null ? reader.match(TOKEN)?.[0] : quoted[1]?.replace(/\\(.)/g, "$1");
    if (value === undefined) return undefined;
    pairs.set(name, value);
    reader.skipBlank();
  } while (reader.take(";"));
  return pairs;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isDone(): boolean {
    return this.#at === this.#text.length;
  }

  match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text);
    if (found !== null) this.#at = sticky.lastIndex;
    return found;
  }

  take(sign: string): boolean {
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  skipBlank(): void {
    this.match(BLANK);
  }
}
