import { posix } from "node:path";
import { type ParseResult, type Program, parseSync, Visitor } from "oxc-parser";
import { readTracked, trackedFiles } from "./tracked-files.ts";

/** One file's way to another, or to a package. */
export interface Import {
  readonly from: string;
  /** A path from the root, the name of a package (without what is asked for in it), or `node:…`. */
  readonly to: string;
  /** What is taken from there; undefined: everything, or what only running tells. */
  readonly names: readonly string[] | undefined;
}

export interface Source {
  readonly path: string;
  readonly imports: readonly Import[];
  /** What it exports of its own, by name; what it hands on of others is among the imports. */
  readonly exports: readonly string[];
  /** Costs more than the rest: ask only for what is looked into. */
  readonly program: () => Program;
}

/** What is imported by a text that only running makes: nobody can check it. */
export const COMPUTED = "(computed)";

/** A file named by a text, as workers and `import.meta.resolve` do. */
const RELATIVE_SOURCE = /^\.\.?\/.*\.[cm]?[tj]sx?$/;

/** What can hold an import that is not a statement: `import(…)`, of a value or a type, or a text as above. */
const OTHER_IMPORT = /\bimport\s*\(|["'`]\.\.?\/[^\n]*\.[cm]?[tj]sx?["'`]/;

/** A file that a comment for the compiler names. */
const REFERENCE = /^\/\/\/\s*<reference\s+path=["']([^"']+)["']/gm;

/** Every source with what it imports: values and types, static and dynamic, and what it hands on. */
export function readSources(): Source[] {
  return trackedFiles(/^(src|tests|bench|examples|console\/src)\/.*\.[cm]?tsx?$/).map((path) =>
    parseSource(path, readTracked(path)),
  );
}

export function parseSource(path: string, text: string): Source {
  const parsed = parseSync(path, text);
  const imports: Import[] = [];
  const add = (specifier: string, names: readonly (string | null)[]): void => {
    imports.push({ from: path, to: resolve(path, specifier), names: allOrNothing(names) });
  };
  for (const { moduleRequest, entries } of parsed.module.staticImports) {
    add(
      moduleRequest.value,
      entries.length === 0 ? [null] : entries.map(({ importName }) => importName.name),
    );
  }
  const exported = parsed.module.staticExports.flatMap(({ entries }) => entries);
  for (const { moduleRequest, importName } of exported) {
    if (moduleRequest !== null) add(moduleRequest.value, [importName.name]);
  }
  for (const specifier of findOthers(parsed, text)) add(specifier, [null]);
  for (const [, file = ""] of text.matchAll(REFERENCE))
    add(file.startsWith(".") ? file : `./${file}`, [null]);
  return {
    path,
    imports,
    exports: exported.flatMap(({ moduleRequest, exportName }) =>
      moduleRequest === null ? (exportName.name ?? []) : [],
    ),
    program: () => parsed.program,
  };
}

/** What is imported by anything that is not a statement. */
function findOthers(parsed: ParseResult, text: string): string[] {
  const { staticImports, staticExports } = parsed.module;
  const handedOn = staticExports.filter(({ entries }) =>
    entries.some((entry) => entry.moduleRequest !== null),
  );
  const statements = [...staticImports, ...handedOn];
  const isInStatement = (at: number): boolean => statements.some(({ start, end }) => start <= at && at < end);
  if (!OTHER_IMPORT.test(statements.reduce((rest, span) => blank(rest, span), text))) return [];
  const found: string[] = [];
  new Visitor({
    ImportExpression: ({ source }) => {
      const value = source.type === "Literal" ? source.value : undefined;
      if (typeof value !== "string") found.push(COMPUTED);
      else if (!RELATIVE_SOURCE.test(value)) found.push(value);
    },
    TSImportType: ({ source }) => {
      if (!RELATIVE_SOURCE.test(source.value)) found.push(source.value);
    },
    // Those of the two above too.
    Literal: ({ value, start }) => {
      if (typeof value === "string" && RELATIVE_SOURCE.test(value) && !isInStatement(start))
        found.push(value);
    },
    TemplateLiteral: ({ quasis: [first, ...more] }) => {
      const value = first?.value.cooked;
      if (more.length === 0 && typeof value === "string" && RELATIVE_SOURCE.test(value)) found.push(value);
    },
  }).visit(parsed.program);
  return found;
}

function blank(text: string, { start, end }: { readonly start: number; readonly end: number }): string {
  return text.slice(0, start) + " ".repeat(end - start) + text.slice(end);
}

function allOrNothing(names: readonly (string | null)[]): readonly string[] | undefined {
  const known = names.filter((name) => name !== null);
  return known.length === names.length ? known : undefined;
}

function resolve(from: string, specifier: string): string {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(from), specifier);
  if (specifier === COMPUTED || specifier.startsWith("node:")) return specifier;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
