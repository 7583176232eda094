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
export function foldParameter(name: string): string {
  return foldName(name).replace(/[. ]/g, "_");
}
