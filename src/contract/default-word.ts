import type { TemplateProblem } from "./template.ts";

/** A default that is no word would refuse every request that leaves the word out. */
export function checkDefaultWord(
  {
    default: word,
    words,
  }: { readonly words: Readonly<Record<string, unknown>>; readonly default?: string | undefined },
  path: TemplateProblem["path"],
  problems: TemplateProblem[],
): void {
  if (word === undefined || Object.hasOwn(words, word)) return;
  const fix = `write one of ${Object.keys(words).join(", ")}`;
  problems.push({ path, reason: `"${word}" is none of the words`, fix });
}
