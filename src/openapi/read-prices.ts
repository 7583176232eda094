import { readTextFile } from "../contract/file/read-text-file.ts";
import type { FileProblem } from "../contract/file-problem.ts";
import { type DocumentPath, formatPath, parsePath } from "../contract/yaml-document.ts";
import { isJsonObject } from "../domain/json/json-value.ts";
import { describeValue, type Problem } from "../domain/problem.ts";
import { MAX_OPENAPI_CHARACTERS } from "./open-operations.ts";
import { type Operation, readOperations } from "./operations.ts";
import { readDocument } from "./read-document.ts";

/** Prices as a document has them, still to be parsed, and how to name the place of a problem with one of them. */
export interface PricesOfDocument {
  /** What is wrong before prices are looked at. `prices` are those that can be read all the same: theirs are told in the same round. */
  readonly problems: readonly FileProblem[];
  /** In the form that configuration has: each with its match. */
  readonly prices: readonly unknown[];
  /** `member` is the path within the price: `["cost"]`. */
  place(index: number, member: DocumentPath): Pick<FileProblem, "file" | "path" | "line">;
}

const NOTHING_READ: Pick<PricesOfDocument, "prices" | "place"> = {
  prices: [],
  place: (index) => {
    throw new RangeError(`there is no price ${index}`);
  },
};

/**
 * Reads `x-credits` of the operations of an OpenAPI 3 document: a number or text is a cost, an object a price without its match,
 * a list several prices with conditions. Operations without it have no price.
 */
export function readPricesOfDocument(file: string, basePath: string | undefined): PricesOfDocument {
  const text = readTextFile(file);
  if (text instanceof Error) {
    const reason = `cannot be read: ${text.message}`;
    const fix = "check prices.openapi: its path starts at the configuration's folder";
    return { ...NOTHING_READ, problems: [{ file, path: "", line: undefined, reason, fix }] };
  }
  const document = readDocument(file, text, MAX_OPENAPI_CHARACTERS);
  if (!("value" in document)) return { ...NOTHING_READ, problems: document };
  const place = (path: DocumentPath): Pick<FileProblem, "file" | "path" | "line"> => ({
    file,
    path: formatPath(path),
    line: document.lineOf(path),
  });
  const { operations, problems } = readOperations(document.value, basePath);
  const found = operations.flatMap((operation) => readCredits(operation));
  const wrong = [...problems, ...findMisplaced(document.value), ...found.filter((item) => "reason" in item)];
  const prices = found.filter((item) => "price" in item);
  return {
    problems: wrong.map(({ place: at, reason, fix }) => Object.assign(place(at), { reason, fix })),
    prices: prices.map(({ price }) => price),
    place: (index, member) => place([...(prices[index]?.place ?? []), ...member]),
  };
}

interface FoundPrice {
  readonly price: Readonly<Record<string, unknown>>;
  readonly place: DocumentPath;
}

interface FoundProblem extends Pick<Problem, "reason" | "fix"> {
  readonly place: DocumentPath;
}

const FIX = "write a number of credits, a price without its match, or a list of such prices with conditions";

function readCredits({ match, place, value }: Operation): (FoundPrice | FoundProblem)[] {
  const credits = value["x-credits"];
  const at = [...place, "x-credits"];
  if (credits === undefined) return [];
  // Without a price the operation is what unpriced says: free, more often than not.
  if (credits === null || (Array.isArray(credits) && credits.length === 0)) {
    return [{ place: at, reason: "says nothing", fix: "write { free: true }, or remove it" }];
  }
  if (!Array.isArray(credits)) return [readPrice(match, credits, at)];
  return credits.map((item: unknown, index) => readPrice(match, item, [...at, index]));
}

function readPrice(match: string, value: unknown, place: DocumentPath): FoundPrice | FoundProblem {
  if (typeof value === "number" || typeof value === "string") return { price: { match, cost: value }, place };
  if (!isJsonObject(value)) return { place, reason: `${describeValue(value)} is no price`, fix: FIX };
  if (value["match"] !== undefined) {
    return { place: [...place, "match"], reason: "the operation is the match", fix: "remove match" };
  }
  return { price: { match, ...value }, place };
}

/** A price that stands elsewhere than on an operation would be no price, and nobody would notice. */
function findMisplaced(document: unknown): readonly FoundProblem[] {
  const paths = isJsonObject(document) && isJsonObject(document["paths"]) ? document["paths"] : {};
  const places: DocumentPath[] = Object.entries(paths).flatMap(([template, item]) =>
    isJsonObject(item) && item["x-credits"] !== undefined ? [["paths", template, "x-credits"]] : [],
  );
  if (isJsonObject(document) && document["x-credits"] !== undefined) places.push(["x-credits"]);
  return places.map((place) => ({
    place,
    reason: "x-credits prices an operation, and here is none",
    fix: "write it on each operation that it is for",
  }));
}

/** `prices[3].count.body`, as the parser of prices names places: the position and the rest. */
export function parsePricePath(
  path: string,
): { readonly index: number; readonly member: DocumentPath } | undefined {
  const [head, index, ...member] = parsePath(path);
  return head === "prices" && typeof index === "number" ? { index, member } : undefined;
}
