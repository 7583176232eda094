import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The four providers whose public documentation is the source of the rules. */
export const PROVIDERS = ["coresignal", "crustdata", "explorium", "leadboxer"] as const;
export type Provider = (typeof PROVIDERS)[number];

function seedPath(provider: Provider): string {
  return join(import.meta.dirname, provider, "seed.md");
}

/** The provider's document as it was published. */
export function readSeed(provider: Provider): string {
  return readFileSync(seedPath(provider), "utf8");
}

/** Lines of a document break anywhere: white space is compared as one space. */
export function normalise(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/**
 * The document's statements: its sentences, list items and table rows. Headings, code, pictures and markup are none; what
 * examples show is quoted by tests all the same, where it says more than the prose.
 */
export function listStatements(provider: Provider): readonly string[] {
  const text = readSeed(provider)
    .replaceAll(/^[ \t]*```[^]*?^[ \t]*```$/gm, "\n\n")
    .replaceAll(/<[^>]*>|\{%[^%]*%\}/g, "\n\n")
    .replaceAll(/^#+ .*$/gm, "\n\n")
    .replaceAll(/^ *\|[-| ]*\|$/gm, "");
  return text
    .split(/\n\s*\n|\n(?=\s*(?:[*•|>]|\d\.) )|\n(?=\|)/)
    .flatMap((block) => (/^\s*\|/.test(block) ? block.split("\n") : normalise(block).split(SENTENCE_END)))
    .map(normalise)
    .filter((statement) => /\p{L}{2}/u.test(statement));
}

const SENTENCE_END = /(?<=[.?!])\s+(?=[\p{Lu}*`])/u;
