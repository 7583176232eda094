const PLAIN = /^[\x21-\x7e]*$/;
/** What some readers drop or cannot see: what is no character, invisible ones, and half of a pair. */
const UNSEEN = /[\ufffd\p{Cf}\p{Cs}]/gu;

/**
 * A name as the most lenient reader compares it: letter case and Unicode's forms do not matter to some, others end a name at a NUL
 * (RFC 8259 §4 leaves it to each). Two names with one text may be one field to an upstream.
 */
export function foldName(name: string): string {
  if (PLAIN.test(name)) return name.toLowerCase();
  const [seen = ""] = name.split("\0", 1);
  return seen.replace(UNSEEN, "").normalize("NFKC").trim().toLowerCase();
}

/** {@link foldName} of a parameter in a query or a form, where PHP reads dots and spaces as underscores. */
function foldParameter(name: string): string {
  return foldName(name).replace(/[. ]/g, "_");
}

/** Names of parameters that are looked for, and how others may be taken for one of them. */
export class WantedNames {
  readonly #names: ReadonlySet<string>;
  readonly #folded: readonly (readonly [string, string])[];

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
    this.#folded = names.map((name) => [name, foldParameter(name)]);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** The wanted name for which some reader may take this one: another case, a list of it (`size[]`). */
  like(name: string): string | undefined {
    const folded = foldParameter(name);
    return this.#folded.find(([, own]) => folded === own || folded.startsWith(`${own}[`))?.[0];
  }
}
