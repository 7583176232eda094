import type { Credits } from "../domain/credits.ts";

/** What a placeholder may stand for. A bigint is an amount of credits and prints as a plain decimal number. */
export type PlaceholderValue = string | number | boolean | null | Credits;

/** The placeholders that are allowed in one place, each with what it reads and what it means. */
export type Vocabulary<Facts> = Readonly<Record<string, Placeholder<Facts>>>;

export interface Placeholder<Facts> {
  readonly means: string;
  readonly read: (facts: Facts) => PlaceholderValue;
  /** Every answer knows it: it is what a misspelt name was least likely meant to be. */
  readonly isCommon?: true | undefined;
  /**
   * Of a family, which stands in its vocabulary under a name like `metadata.*`: reads the member that the rest of the name says.
   * Undefined: there is none of that name.
   */
  readonly member?: ((name: string) => Placeholder<Facts>["read"] | undefined) | undefined;
}

/** What a placeholder's name stands for. Undefined: nothing. */
export function findPlaceholder<Facts>(
  vocabulary: Vocabulary<Facts>,
  name: string,
): Placeholder<Facts>["read"] | undefined {
  if (Object.hasOwn(vocabulary, name)) return vocabulary[name]?.read;
  const dot = name.indexOf(".");
  if (dot === -1) return undefined;
  return vocabulary[`${name.slice(0, dot)}.*`]?.member?.(name.slice(dot + 1));
}
