/** A fault that somebody could make, and the tests that must notice it. How to add one: see README.md beside this file. */
export interface Mutation {
  /** What the code does with it, in a few words. */
  readonly name: string;
  /** Who loses what. */
  readonly why: string;
  /** The file that is changed, TypeScript or SQL, from the repository's root. */
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly search: string;
  readonly replacement: string;
  /** Each of them must turn red. */
  readonly tests: readonly NamedTest[];
}

export interface NamedTest {
  /** The file that node runs. */
  readonly file: string;
  /** The title of a test, or the part of it that stands in the source; of several tests at least one must turn red. */
  readonly title: string;
}

/** The file's text with the fault in it. Throws when the fault has no one place, or would change nothing. */
export function mutate(text: string, { name, file, search, replacement }: Mutation): string {
  const times = text.split(search).length - 1;
  if (times !== 1)
    throw new Error(`"${name}": ${file} has the text to replace ${times} times instead of once`);
  if (search === replacement) throw new Error(`"${name}" changes nothing`);
  // By a function: in a text to replace by, `$` would mean something.
  return text.replace(search, () => replacement);
}
