import { dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import type { FileProblem } from "../contract/file-problem.ts";
import { parseBySchema } from "../contract/schema-problems.ts";
import { formatPath, parsePath, type YamlDocument } from "../contract/yaml-document.ts";
import { isJsonObject } from "../domain/json/json-value.ts";
import type { PriceParseOptions } from "../domain/prices/parse/parse-price.ts";
import { parsePrices } from "../domain/prices/parse-prices.ts";
import type { Price } from "../domain/prices/price.ts";
import type { Problem } from "../domain/problem.ts";
import { parseMatchPattern } from "../domain/routes/match-pattern.ts";
import { routeKey } from "../domain/routes/route-table.ts";
import { parsePricePath, readPricesOfDocument } from "../openapi/read-prices.ts";

/** `prices` as the reference to a document. */
export const openApiPricesForm = z
  .strictObject({
    openapi: z.string().min(1).meta({
      description:
        "An OpenAPI 3 document, YAML or JSON, whose operations have `x-credits`; a path from this file.",
      reason: "Required in this form.",
    }),
    basePath: z
      .string()
      .regex(/^(\/[^/?#]+)*$/, "is no path that begins with / and does not end with it")
      .optional()
      .meta({
        description: "What stands before the document's paths: `/v2`.",
        reason: "Left out: the path of the document's servers.",
        fix: "write it like /v2",
      }),
    overrides: z.array(z.unknown()).optional().meta({
      description: "Prices in the place of the document's with the same match, and further ones.",
      reason: "None.",
      fix: "write a list of prices, each with its match",
    }),
  })
  .meta({ fix: "write { openapi: ./openapi.yaml }, perhaps with basePath and overrides" });

/** The prices, and where each of them is written. */
export interface PriceSource {
  readonly prices: readonly Price[];
  readonly problems: readonly FileProblem[];
  /** A problem with `prices[3].cost` of the whole list, at the place where a person fixes it. */
  place(problem: Problem): FileProblem;
}

/** Where a price of the list comes from. */
type Origin = (member: readonly (string | number)[]) => Pick<FileProblem, "file" | "path" | "line">;

/** Reads `prices`: a list, or the reference to an OpenAPI document that has them. */
export function readPriceSource(
  input: unknown,
  document: YamlDocument,
  options: PriceParseOptions,
): PriceSource {
  const here: Origin = (path) => ({
    file: document.file,
    path: formatPath(path),
    line: document.lineOf(path),
  });
  if (input === null) {
    const fix =
      "write its prices below it, or prices: [] if there are none: all requests are what unpriced says then";
    const problem = { ...here(["prices"]), reason: "says nothing", fix };
    return { prices: [], problems: [problem], place: placeAt([], here) };
  }
  if (!isJsonObject(input)) {
    const place = (problem: Problem): FileProblem =>
      Object.assign(here(parsePath(problem.path)), {
        path: problem.path,
        reason: problem.reason,
        fix: problem.fix,
      });
    return parseAll(input, options, place);
  }
  if ("match" in input) {
    const fix = "write prices: [{ match: GET /v1/leads, cost: 1 }], or a - before match";
    const problem = { ...here(["prices"]), reason: "is one price, and not a list of them", fix };
    return { prices: [], problems: [problem], place: placeAt([], here) };
  }
  const form = parseBySchema(
    { ...document, value: { prices: input } },
    z.object({ prices: openApiPricesForm }),
  );
  if ("problems" in form) return { prices: [], problems: form.problems, place: placeAt([], here) };
  const { openapi, basePath, overrides = [] } = form.value.prices;
  const read = readPricesOfDocument(locate(document.file, openapi), basePath);
  const replaced = new Set(overrides.map(keyOf));
  const kept = [...read.prices.keys()].filter((index) => !replaced.has(keyOf(read.prices[index])));
  const origins: Origin[] = [
    ...kept.map(
      (index): Origin =>
        (member) =>
          read.place(index, member),
    ),
    ...overrides.map(
      (_, index): Origin =>
        (member) =>
          here(["prices", "overrides", index, ...member]),
    ),
  ];
  const prices = [...kept.map((index) => read.prices[index]), ...overrides];
  const parsed = parseAll(prices, options, placeAt(origins, here));
  const wrong = read.problems.map((problem) => placeUnread(problem, here));
  const problems = [...wrong, ...parsed.problems].toSorted(
    (one, other) => (one.line ?? 0) - (other.line ?? 0),
  );
  return problems.length === 0 ? parsed : { ...parsed, prices: [], problems };
}

/** Of a document that cannot be read, what names it is wrong. */
function placeUnread(problem: FileProblem, here: Origin): FileProblem {
  return problem.line === undefined ? { ...problem, ...here(["prices", "openapi"]) } : problem;
}

function parseAll(input: unknown, options: PriceParseOptions, place: PriceSource["place"]): PriceSource {
  const parsed = parsePrices(input, "prices", options);
  return parsed.ok
    ? { prices: parsed.value, problems: [], place }
    : { prices: [], problems: parsed.problems.map(place), place };
}

/** Problems with positions in the whole list, named by where its prices are written. */
function placeAt(origins: readonly Origin[], here: Origin): PriceSource["place"] {
  return ({ path, reason, fix }) => {
    const found = parsePricePath(path);
    const origin = found === undefined ? undefined : origins[found.index];
    const where = origin === undefined || found === undefined ? here(["prices"]) : origin(found.member);
    return Object.assign(where, { reason: nameOrigins(reason, origins), fix });
  };
}

/** What speaks of another price of the list: `prices[3]`. */
function nameOrigins(text: string, origins: readonly Origin[]): string {
  return text.replaceAll(
    /\bprices\[(\d+)\]/g,
    (written, index: string) => origins[Number(index)]?.([]).path ?? written,
  );
}

/** A path in the configuration starts at its folder. */
function locate(configFile: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(configFile), path);
}

/** The same for prices of one endpoint, however its parameters are called. */
function keyOf(price: unknown): string {
  const match = isJsonObject(price) ? price["match"] : undefined;
  const pattern = parseMatchPattern(match, "", []);
  return pattern === undefined ? JSON.stringify(match ?? null) : routeKey(pattern, { exact: false });
}
