import { checkReadHeader } from "../header-template.ts";
import type { TemplateProblem } from "../template.ts";
import type { KeyPlace, KeyPlaces } from "./key-places.ts";
import { createKeyReader } from "./key-reader.ts";
import type { HeaderSource, KeySource } from "./key-schema.ts";
import { createQueryReader } from "./query-keys.ts";

/** Farebox's own: a link that downloads a file of an export. */
const LINK_PARAMETER = "link";

/** Compiles the places where keys are read. */
export function compileKey(sources: readonly KeySource[], problems: TemplateProblem[]): KeyPlaces {
  const headers: HeaderSource[] = [];
  const parameters: string[] = [];
  for (const [index, source] of sources.entries()) {
    if ("query" in source) {
      checkParameter(source.query, problems, ["key", index, "query"]);
      parameters.push(source.query);
    } else {
      checkReadHeader(source.header, problems, ["key", index, "header"]);
      headers.push(source);
    }
  }
  return {
    takeQueryKey: createQueryReader(parameters),
    readKey: createKeyReader(headers),
    keyHeaders: lowerCase(headers.map(({ header }) => header)),
    keyPlace: placeOf(sources[0]),
  };
}

function placeOf(source: KeySource | undefined): KeyPlace {
  if (source === undefined) throw new TypeError("a contract reads keys somewhere");
  if ("query" in source) return { in: "query", name: source.query, scheme: undefined };
  const scheme = "basic" in source ? "basic" : source.schemes?.[0]?.toLowerCase();
  return { in: "header", name: source.header.toLowerCase(), scheme };
}

function checkParameter(name: string, problems: TemplateProblem[], path: TemplateProblem["path"]): void {
  if (name.toLowerCase() !== LINK_PARAMETER) return;
  problems.push({
    path,
    reason: `the parameter ${name} carries links that download files of exports`,
    fix: "name another one: api_key",
  });
}

function lowerCase(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))];
}
