/** Comments are invisible where descriptions are rendered, and let the next run find what this one wrote. */
const BEGIN = "<!-- farebox:credits -->";
const END = "<!-- /farebox:credits -->";
const BLOCK = /<!-- farebox:credits -->[\s\S]*?<!-- \/farebox:credits -->/;
const BLOCK_WITH_GAP = /\s*<!-- farebox:credits -->[\s\S]*?<!-- \/farebox:credits -->/;

/**
 * An operation's description with this notice: in the place of the one that an earlier run wrote, else at the end. Undefined
 * notice: without one. Gives undefined when nothing is left, or nothing was there.
 */
export function placeNotice(description: string | undefined, notice: string | undefined): string | undefined {
  if (notice === undefined) {
    const rest = description?.replace(BLOCK_WITH_GAP, "");
    return rest === undefined || rest.trim() === "" ? undefined : rest;
  }
  const block = `${BEGIN}\n${notice}\n${END}`;
  if (description === undefined || description.trim() === "") return block;
  if (BLOCK.test(description)) return description.replace(BLOCK, () => block);
  const isEnded = description.endsWith("\n");
  return `${description.trimEnd()}\n\n${block}${isEnded ? "\n" : ""}`;
}
