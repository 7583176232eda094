import { isWellFormedApiKey } from "./api-key.ts";

/** The longest key of any form. Longer texts are not even hashed. */
export const MAX_KEY_TEXT = 200;
/** What a new key must have of chance, in bits: nobody guesses one of a billion. */
const MIN_BITS = 120;

/** Classes of characters, with the ones of which new keys are made, and what is taken of old ones. */
const CLASSES: Readonly<Record<string, { readonly made: string; readonly taken: string }>> = {
  hex: { made: "0123456789abcdef", taken: "[0-9A-Fa-f]" },
  digit: { made: "0123456789", taken: "[0-9]" },
  lower: { made: "abcdefghijklmnopqrstuvwxyz0123456789", taken: "[a-z0-9]" },
  alnum: { made: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", taken: "[A-Za-z0-9]" },
  url: {
    made: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    taken: "[A-Za-z0-9_-]",
  },
};

const PIECE = /\{(hex|digit|lower|alnum|url) (\d{1,3})(?:-(\d{1,3}))?\}|([A-Za-z0-9._-]+)/y;

type Piece =
  | { readonly literal: string }
  | { readonly of: string; readonly least: number; readonly most: number };

/** The parsed form of `fc-{hex 32}`. */
export interface KeyForm {
  readonly text: string;
  readonly pieces: readonly Piece[];
  /** What all keys of the form begin with; may be empty. */
  readonly prefix: string;
}

/** Reads a form: literal text, and classes with their length, `{hex 32}` or `{alnum 20-40}`. Gives what is wrong with it. */
export function parseKeyForm(text: string): KeyForm | { readonly reason: string } {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < text.length) {
    PIECE.lastIndex = at;
    const match = PIECE.exec(text);
    if (match === null)
      return { reason: "has something that is no text of a key and no class like {hex 32}" };
    const [whole, of = "", least = "0", most = least, literal] = match;
    pieces.push(literal === undefined ? { of, least: Number(least), most: Number(most) } : { literal });
    at += whole.length;
  }
  const longest = pieces.reduce(
    (sum, piece) => sum + ("literal" in piece ? piece.literal.length : piece.most),
    0,
  );
  if (longest > MAX_KEY_TEXT) return { reason: `is longer than ${MAX_KEY_TEXT} characters` };
  if (pieces.some((piece) => "of" in piece && piece.most < piece.least))
    return { reason: "has a length that ends before it begins" };
  if (bitsOf(pieces) < 60) return { reason: "has so few characters of chance that keys can be guessed" };
  const [first] = pieces;
  return { text, pieces, prefix: first !== undefined && "literal" in first ? first.literal : "" };
}

/** Chance in the shortest key, in bits. */
function bitsOf(pieces: readonly Piece[]): number {
  return pieces.reduce(
    (sum, piece) =>
      "literal" in piece ? sum : sum + piece.least * Math.log2(CLASSES[piece.of]?.made.length ?? 1),
    0,
  );
}

/** Why new keys cannot be made of a form; undefined: they can. */
export function whyNotMade({ pieces }: KeyForm): string | undefined {
  if (pieces.some((piece) => "of" in piece && piece.least !== piece.most))
    return "has several lengths: new keys need one";
  return bitsOf(pieces) < MIN_BITS
    ? `has less than ${MIN_BITS} bits of chance, which new keys need`
    : undefined;
}

/** A new key of the form. `randomBelow` gives a whole number from 0 to below its argument, all of them equally often. */
export function makeKeyOfForm({ pieces }: KeyForm, randomBelow: (end: number) => number): string {
  return pieces
    .map((piece) => {
      if ("literal" in piece) return piece.literal;
      const letters = CLASSES[piece.of]?.made ?? "";
      return Array.from({ length: piece.least }, () => letters[randomBelow(letters.length)] ?? "").join("");
    })
    .join("");
}

/** What may be shown of a key whatever its form: how all of its form begin, and its last four characters. */
export function hintOfForm(prefix: string, text: string): string {
  return `${prefix}...${text.slice(-4)}`;
}

/** Whether a text has the form, in steps that grow with its length alone: anybody may send one. */
type Fits = (text: string) => boolean;

/**
 * A regular expression, where one piece at most has several lengths. With more of them it would try all their combinations on a text
 * that fits nearly: seconds for four pieces, for ever for eight.
 */
function compileForm({ pieces }: KeyForm): Fits {
  const ranges = pieces.filter((piece) => "of" in piece && piece.least !== piece.most);
  if (ranges.length > 1) return (text) => fitsInPlaces(pieces, text);
  const source = pieces.map((piece) =>
    "literal" in piece
      ? piece.literal.replaceAll(".", "\\.")
      : `${CLASSES[piece.of]?.taken ?? ""}{${piece.least},${piece.most}}`,
  );
  const pattern = new RegExp(`^${source.join("")}$`);
  return (text) => pattern.test(text);
}

/** Follows all places at once at which the next piece may begin. */
function fitsInPlaces(pieces: readonly Piece[], text: string): boolean {
  let places = new Set([0]);
  for (const piece of pieces) {
    const next = new Set<number>();
    const sign = "of" in piece ? new RegExp(`^${CLASSES[piece.of]?.taken ?? ""}$`) : undefined;
    for (const place of places) {
      if (!("of" in piece)) {
        if (text.startsWith(piece.literal, place)) next.add(place + piece.literal.length);
        continue;
      }
      for (let length = 0; length <= piece.most; length += 1) {
        if (length >= piece.least) next.add(place + length);
        if (sign?.test(text[place + length] ?? "") !== true) break;
      }
    }
    places = next;
  }
  return places.has(text.length);
}

interface KnownForm {
  readonly form: KeyForm;
  readonly fits: Fits;
  /** What goes before a key's text when it is hashed. */
  readonly salt: string;
}

/** The forms that keys may have: ours, which has a checksum, and those of keys from elsewhere, of which the first that fits counts. */
export class KeyForms {
  /** What these were made of, as a value that can be sent to another process. */
  readonly source: readonly { readonly form: KeyForm; readonly salt?: string | undefined }[];
  readonly #forms: readonly KnownForm[];
  readonly #isSalted: boolean;

  constructor(forms: readonly { readonly form: KeyForm; readonly salt?: string | undefined }[] = []) {
    this.source = forms;
    this.#forms = forms.map(({ form, salt = "" }) => ({ form, fits: compileForm(form), salt }));
    this.#isSalted = this.#forms.some(({ salt }) => salt !== "");
  }

  /** What is hashed of a key's text. */
  hashedText(text: string): string {
    if (!this.#isSalted || isWellFormedApiKey(text)) return text;
    return (this.#find(text)?.salt ?? "") + text;
  }

  /** Whether a key may have this text: where its form has a checksum, it is right. */
  isKnown(text: string): boolean {
    return isWellFormedApiKey(text) || this.#find(text) !== undefined;
  }

  /** What may be shown of a text. */
  hintOf(text: string): string {
    return hintOfForm(this.#find(text)?.form.prefix ?? "", text);
  }

  #find(text: string): KnownForm | undefined {
    return text.length > MAX_KEY_TEXT ? undefined : this.#forms.find(({ fits }) => fits(text));
  }
}
