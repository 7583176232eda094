import { nearestWord } from "../domain/nearest-word.ts";
import { findPlaceholder, type Vocabulary } from "./vocabulary.ts";

/** More are not listed: who reads an error looks for one name, and the reference has them all. */
const MOST_LISTED = 12;
/** The forms of a moment: listed as one. */
const FORM = /(?:IsoOffset|Iso|Date|UnixMs|Unix)$/;
const FORMS = "Iso, IsoOffset, Date, Unix, UnixMs";

/** What fits in the place of a placeholder that nobody knows: what was meant, if that is clear, and the likeliest of what is there. */
export function describeFitting(name: string, vocabulary: Vocabulary<never>): string {
  const known = Object.keys(vocabulary);
  const meant = nearestOf(name, vocabulary);
  const all = groupForms(known);
  const listed = all.length <= MOST_LISTED ? all : rank(name, all, vocabulary);
  const short = listed.slice(0, MOST_LISTED).map(({ shown }) => shown);
  const more = listed.length - short.length;
  const rest = more === 0 ? "" : `, and ${more} more in docs/reference/contracts.md`;
  return `${meant === undefined ? "" : `did you mean \${${meant}}? `}allowed here: ${short.join(", ")}${rest}`;
}

/** In a family the member is what was misspelt: `${pools.search.balanc}`. */
function nearestOf(name: string, vocabulary: Vocabulary<never>): string | undefined {
  const known = Object.keys(vocabulary);
  const dot = name.lastIndexOf(".") + 1;
  const member = nearestWord(name.slice(dot), known);
  const inFamily = member === undefined ? undefined : name.slice(0, dot) + member;
  if (inFamily !== undefined && findPlaceholder(vocabulary, inFamily) !== undefined) return inFamily;
  return nearestWord(name, known);
}

interface Listed {
  readonly name: string;
  readonly shown: string;
}

/** The five forms of a moment say the same: `${refreshIso} (or IsoOffset, Date, …)`. */
function groupForms(names: readonly string[]): Listed[] {
  const groups = Map.groupBy(names, (name) => (FORM.test(name) ? name.replace(FORM, "…") : name));
  return [...groups.values()].map(([name = "", ...others]) => {
    const shown = `\${${name}}`;
    return { name, shown: others.length === 0 ? shown : `${shown} (or ${FORMS.replace("Iso, ", "")})` };
  });
}

/** Those that have a word of the name first, then what only this place knows, then what every answer does. */
function rank(name: string, listed: readonly Listed[], vocabulary: Vocabulary<never>): Listed[] {
  const wanted = wordsOf(name);
  const likeness = (one: Listed): number => {
    const shared = wordsOf(one.name).filter((word) => wanted.includes(word)).length;
    return shared * 2 + (vocabulary[one.name]?.isCommon === true ? 0 : 1);
  };
  return listed.toSorted((one, other) => likeness(other) - likeness(one));
}

/** `creditsRemaining` and `credits_remaining` are `credits` and `remaining`. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
}
