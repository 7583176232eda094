import { posix } from "node:path";
import { readTracked, trackedFiles } from "./tracked-files.ts";

/** A table of migrations/: the text between its parentheses, a line each. */
export interface SqlTable {
  readonly name: string;
  readonly lines: readonly string[];
  readonly comment: string | undefined;
}

/** A function of migrations/. */
export interface SqlFunction {
  readonly file: string;
  readonly name: string;
  /** `p_shard smallint` and so on. */
  readonly parameters: readonly string[];
  readonly language: string;
  /** Its lines, from CREATE to the end of its body. */
  readonly length: number;
  /** Without comments and without the contents of its literals. */
  readonly body: string;
  readonly comment: string | undefined;
  /** A comment stands right above it. */
  readonly isDocumented: boolean;
}

/** All migrations, one after the other, each line with its file. */
function readMigrations(): { readonly file: string; readonly text: string }[] {
  return trackedFiles(/^migrations\/\d{4}_\w+\.sql$/).map((file) => ({ file, text: readTracked(file) }));
}

/** The same without comments, without the contents of literals and without functions' bodies. */
export function readScripts(): { readonly file: string; readonly text: string }[] {
  return readMigrations().map(({ file, text }) => ({
    file,
    text: withoutLiterals(withoutComments(text.replaceAll(/\$\$[\s\S]*?\$\$/g, "''"))),
  }));
}

/** What `COMMENT ON … IS` says of each function or table, last. */
function readComments(kind: "FUNCTION" | "TABLE"): ReadonlyMap<string, string> {
  const one = new RegExp(
    `^COMMENT ON ${kind} farebox\\.(\\w+)(?:\\([^)]*\\))? IS\\s+'((?:[^']|'')*)';$`,
    "gm",
  );
  return new Map(
    readMigrations().flatMap(({ text }) =>
      [...text.matchAll(one)].map(([, name = "", comment = ""]) => [name, comment] as const),
    ),
  );
}

/** Those that are in force: a later migration may drop one. */
export function readTables(): SqlTable[] {
  const comments = readComments("TABLE");
  const scripts = readMigrations();
  const dropped = scripts.flatMap(({ text }) => [...text.matchAll(/^DROP TABLE farebox\.(\w+)/gm)]);
  const gone = new Set(dropped.map(([, name = ""]) => name));
  const made = scripts.flatMap(({ text }) =>
    [...text.matchAll(/^CREATE TABLE farebox\.(\w+) \(\n([\s\S]*?)\n\)/gm)].map(
      ([, name = "", inside = ""]) => ({
        name,
        lines: withoutComments(inside).split("\n"),
        comment: comments.get(name),
      }),
    ),
  );
  return made.filter(({ name }) => !gone.has(name));
}

const FUNCTION =
  /^CREATE (?:OR REPLACE )?FUNCTION farebox\.(\w+)\s*\(([\s\S]*?)\)\s*(?:RETURNS\s+[\s\S]*?\s+)?LANGUAGE (\w+)[\s\S]*?(?:\$\$([\s\S]*?)\$\$;|^RETURN ([\s\S]*?);$)/gm;

export function readFunctions(): SqlFunction[] {
  const migrations = readMigrations();
  const comments = readComments("FUNCTION");
  return migrations.flatMap(({ file, text }) =>
    [...text.matchAll(FUNCTION)].map(
      ({ index, 0: whole, 1: name = "", 2: parameters = "", 3: language = "", 4: body, 5: expression }) => ({
        file,
        name,
        parameters: parameters
          .split(/,(?![^(]*\))/)
          .map((parameter) => parameter.trim().replaceAll(/\s+/g, " "))
          .filter((parameter) => parameter !== ""),
        language,
        length: whole.split("\n").length,
        body: withoutLiterals(withoutComments(body ?? expression ?? "")),
        comment: comments.get(name),
        isDocumented: /\n--[^\n]*\n$/.test(text.slice(0, index)),
      }),
    ),
  );
}

/** How many functions migrations/ makes, counted without understanding them. */
export function countFunctions(): number {
  return readMigrations().reduce(
    (count, { text }) => count + (text.match(/^CREATE .*\bFUNCTION\b/gm)?.length ?? 0),
    0,
  );
}

/** The statements of a function's body, or of a script: what stands between semicolons, in one line. */
export function splitStatements(text: string): string[] {
  return text
    .split(";")
    .map((statement) => statement.replaceAll(/\s+/g, " ").trim())
    .filter((statement) => statement !== "");
}

/**
 * Statements in TypeScript: each string or template with a name of the schema in it. `${…}` stands as `$`. `whole`: constants of the
 * file, and those that it imports, stand with their texts: `${LIVE}`.
 */
export function readStatements(
  pattern: RegExp,
  { whole = false }: { readonly whole?: boolean } = {},
): { readonly file: string; readonly text: string }[] {
  const sources = new Map(
    trackedFiles(pattern)
      .filter((file) => !/\.test\.ts$|\/testing\//.test(file))
      .map((file) => [file, readTracked(file)]),
  );
  return [...sources].flatMap(([file, source]) =>
    readStrings(whole ? fillIn(source, file, sources) : source)
      .filter((text) => /\bfarebox\./.test(text))
      .flatMap((text) => splitStatements(withoutLiterals(withoutComments(text))))
      .map((text) => ({ file, text })),
  );
}

/** With the texts of constants in the place of their names. */
function fillIn(text: string, file: string, sources: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\{([A-Z][A-Z_]+)\}/g, (hole, name: string) => {
    const source = sources.get(file) ?? "";
    const [, quoted, template] =
      new RegExp(`\\bconst ${name} =\\s+(?:"([^"\\n]*)"|\`([^\`]*)\`);`).exec(source) ?? [];
    const found = quoted ?? template;
    if (found !== undefined) return fillIn(found, file, sources);
    const [, from] = new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from "(\\.[^"]+)"`).exec(source) ?? [];
    return from === undefined ? hole : fillIn(hole, posix.join(posix.dirname(file), from), sources);
  });
}

const STRING =
  /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\$]|\\.|\$(?!\{)|\$\{(?:[^{}`]|`[^`]*`|\{[^{}]*\})*\})*)`/gm;

/** The texts of strings and templates, without comments. */
function readStrings(source: string): string[] {
  return [...source.matchAll(STRING)].flatMap(([, quoted, template]) => {
    const text = quoted ?? template?.replaceAll(/\$\{(?:[^{}`]|`[^`]*`|\{[^{}]*\})*\}/g, "$");
    return text === undefined ? [] : [text];
  });
}

function withoutComments(text: string): string {
  return text.replaceAll(/--[^\n]*/g, "");
}

function withoutLiterals(text: string): string {
  return text.replaceAll(/'(?:[^']|'')*'/g, "''");
}
