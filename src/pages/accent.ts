/** Red, green and blue, 0 to 255. */
type Colour = readonly [number, number, number];

const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [0, 0, 0];

/** What texts are read on, at the least contrast: the pages' surfaces, light and dark (console/src/design/tokens.css). */
const LIGHT_SURFACE: Colour = [240, 241, 244];
const DARK_SURFACE: Colour = [38, 41, 48];

/** WCAG 2.2 AA for texts of any size. */
const READABLE = 4.5;

const STEPS = 100;

/** The accent as it is used in one theme. */
export interface Accent {
  /** For fills, as `#rrggbb`. */
  readonly fill: string;
  /** For texts on a fill. */
  readonly onFill: string;
  /** For texts and lines on a surface: the accent, darker or lighter until it can be read. */
  readonly text: string;
}

/**
 * What a provider's accent is in the light and in the dark theme. Any colour may be chosen: where its texts could not be read at
 * the contrast that WCAG asks for (4.5:1), another shade of it is taken.
 */
export function computeAccents(accent: string): { readonly light: Accent; readonly dark: Accent } {
  const colour = parse(accent);
  return { light: accentOn(colour, LIGHT_SURFACE, BLACK), dark: accentOn(colour, DARK_SURFACE, WHITE) };
}

function accentOn(colour: Colour, surface: Colour, towards: Colour): Accent {
  const onFill = contrast(colour, WHITE) >= READABLE ? WHITE : BLACK;
  let text = colour;
  for (let step = 1; contrast(text, surface) < READABLE && step <= STEPS; step += 1) {
    text = mix(colour, towards, step / STEPS);
  }
  return { fill: render(colour), onFill: render(onFill), text: render(text) };
}

/** The ratio that WCAG defines, 1 to 21. */
function contrast(one: Colour, other: Colour): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function mix(from: Colour, to: Colour, share: number): Colour {
  const at = (index: 0 | 1 | 2): number => Math.round(from[index] + (to[index] - from[index]) * share);
  return [at(0), at(1), at(2)];
}

function parse(text: string): Colour {
  const at = (index: number): number => Number.parseInt(text.slice(index, index + 2), 16);
  return [at(1), at(3), at(5)];
}

function render(colour: Colour): string {
  return `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
