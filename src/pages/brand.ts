import { computeAccents } from "./accent.ts";

/** How a provider's portal looks. */
export interface Brand {
  readonly name: string;
  readonly logo: { readonly file: string; readonly body: Buffer } | undefined;
  /** `#rrggbb`; undefined: Farebox's own. */
  readonly accent: string | undefined;
}

/** A style sheet that the page loads after its own: its policy forbids styles in the page. */
export function renderBrandStyles({ accent }: Brand): string {
  if (accent === undefined) return "";
  const { light, dark } = computeAccents(accent);
  const rule = (selector: string, { fill, onFill, text }: typeof light): string =>
    `${selector}{--accent:${fill};--on-accent:${onFill};--accent-text:${text}}`;
  // The page says which theme it shows, and its own rules come later: these must weigh more.
  return `${rule(":root:root", light)}\n${rule(":root:root[data-theme=dark]", dark)}\n`;
}
