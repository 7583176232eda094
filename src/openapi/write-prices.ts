import { type Document, isAlias, isScalar, Scalar, visit } from "yaml";
import { problemsError } from "../contract/file-problem.ts";
import { formatPath } from "../contract/yaml-document.ts";
import { editJsonObjects } from "./edit-json.ts";
import { openOperations } from "./open-operations.ts";
import { type PricedOperation, priceOperations, type ShownPrices } from "./price-operations.ts";
import { isJson } from "./read-document.ts";

export interface WrittenDocument {
  readonly text: string;
  readonly operations: number;
  /** How many of them have a price. */
  readonly withPrice: number;
  /** `GET /v1/leads`: they are free, or refused, as the list's `unpriced` says. */
  readonly withoutPrice: readonly string[];
  /** Matches of prices that no operation has. */
  readonly withoutOperation: readonly string[];
}

/**
 * Writes the prices into an OpenAPI 3 document of YAML or JSON: `x-credits`, `x-credits-announced` and a notice in the
 * description of each operation. The rest stays: comments and order in YAML, all other characters in JSON. A second run
 * changes nothing. Throws FareboxError `openapi_invalid`.
 */
export function writePrices(
  file: string,
  text: string,
  shown: ShownPrices,
  options: { readonly basePath?: string | undefined } = {},
): WrittenDocument {
  const { document, operations } = openOperations(file, text, options.basePath);
  const priced = priceOperations(operations, shown);
  const taken = new Set(priced.flatMap(({ endpoints }) => endpoints));
  const listed = [shown.inForce, ...shown.announced.map(({ list }) => list)].flatMap(({ prices }) => prices);
  return {
    text:
      document.document === undefined || isJson(text)
        ? writeJson(text, priced)
        : writeYaml(file, text, document.document, priced),
    operations: operations.length,
    withPrice: priced.filter(({ members }) => members["x-credits"] !== undefined).length,
    withoutPrice: priced
      .filter(({ members, operation }) => members["x-credits"] === undefined && operation.method !== "HEAD")
      .map(({ operation }) => operation.match),
    withoutOperation: [...new Set(listed.map((price) => price.endpoint))].filter(
      (match) => !taken.has(match),
    ),
  };
}

function writeJson(text: string, priced: readonly PricedOperation[]): string {
  return editJsonObjects(
    text,
    priced.map(({ operation, members }) => ({ place: operation.place, members })),
  );
}

function writeYaml(
  file: string,
  text: string,
  document: Document,
  priced: readonly PricedOperation[],
): string {
  for (const { operation, members } of priced) {
    if (isAlias(document.getIn(operation.place, true))) refuseAlias(file, operation.place);
    for (const [name, value] of Object.entries(members)) {
      const place = [...operation.place, name];
      const old: unknown = document.getIn(place, true);
      if (value === undefined) document.deleteIn(place);
      else if (isScalar(old) && old.value === value) continue;
      else document.setIn(place, createNode(document, value, old));
    }
  }
  const indent = /^( +)\S/m.exec(text)?.[1]?.length ?? 2;
  const isSeqIndented = !/^( *)[^\s#-][^\n]*:\n\1- /m.test(text);
  return document.toString({
    lineWidth: 0,
    indent: Math.min(indent, 8),
    indentSeq: isSeqIndented,
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
  });
}

/** Text of several lines is a block, which people can read; one line stays as it was quoted. */
function createNode(document: Document, value: unknown, old: unknown): unknown {
  if (typeof value !== "string") {
    const written = document.createNode(value, { flow: !Array.isArray(value) });
    // Readers of YAML 1.1 take a plain time for a date.
    visit(written, {
      Scalar: (_, scalar) => void (isTime(scalar.value) && (scalar.type = Scalar.QUOTE_DOUBLE)),
    });
    return written;
  }
  const node = new Scalar(value);
  if (value.includes("\n")) node.type = Scalar.BLOCK_LITERAL;
  if (isScalar(old)) {
    node.comment = old.comment ?? null;
    node.commentBefore = old.commentBefore ?? null;
  }
  return node;
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value);
}

function refuseAlias(file: string, place: readonly (string | number)[]): never {
  const reason = "is an alias: what is written here would be written elsewhere too";
  const problem = { file, line: undefined, path: formatPath(place), reason, fix: "write the operation out" };
  throw problemsError("openapi_invalid", "The OpenAPI document", [problem]);
}
