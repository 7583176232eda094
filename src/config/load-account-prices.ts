import { readTextFile } from "../contract/file/read-text-file.ts";
import { type FileProblem, problemsError } from "../contract/file-problem.ts";
import { findLostDigits } from "../contract/lost-digits.ts";
import { parsePath, parseYamlDocument, type YamlDocument } from "../contract/yaml-document.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { isJsonObject } from "../domain/json/json-value.ts";
import type { Price } from "../domain/prices/price.ts";
import type { Problem } from "../domain/problem.ts";
import { createPriceParser, type PriceSurroundings } from "./check-prices.ts";
import type { Config } from "./config.ts";

/**
 * Reads a file with the `prices` of one account, as farebox.yaml has them, and nothing else. They are not looked at: the operator API
 * knows credit types and plans. `place` puts what it says of them at their lines. Throws FareboxError `config_invalid`.
 */
export function loadAccountPrices(file: string): {
  readonly prices: readonly unknown[];
  readonly place: (error: unknown) => unknown;
} {
  const { document, prices } = readAccountPrices(file);
  return {
    prices,
    place(error) {
      const errors: unknown = error instanceof FareboxError ? error.detail["errors"] : undefined;
      if (!Array.isArray(errors) || !errors.every(isProblem)) return error;
      return refuseAt(file, document, errors);
    },
  };
}

function isProblem(value: unknown): value is Problem {
  return isJsonObject(value) && ["path", "reason", "fix"].every((name) => typeof value[name] === "string");
}

function refuseAt(file: string, document: YamlDocument, errors: readonly Problem[]): FareboxError {
  const problems = errors.map(({ path, reason, fix }) => ({
    file,
    path,
    line: document.lineOf(parsePath(path)),
    reason,
    fix,
  }));
  return problemsError("config_invalid", "The file of prices", problems);
}

function readAccountPrices(file: string): {
  readonly document: YamlDocument;
  readonly prices: readonly unknown[];
} {
  const refuse = (reason: string, fix: string, line?: number): never => {
    const problem: FileProblem = { file, path: "", line, reason, fix };
    throw problemsError("config_invalid", "The file of prices", [problem]);
  };
  const text = readTextFile(file);
  if (text instanceof Error)
    return refuse(`cannot be read: ${text.message}`, "check the path and its permissions");
  const document = parseYamlDocument(file, text);
  if (!("value" in document)) throw problemsError("config_invalid", "The file of prices", document);
  const lost = findLostDigits(document);
  if (lost.length > 0) throw problemsError("config_invalid", "The file of prices", lost);
  const { value } = document;
  const prices = isJsonObject(value) ? value["prices"] : undefined;
  if (!isJsonObject(value) || !Array.isArray(prices) || prices.length === 0)
    return refuse("has no prices", "write prices: [{ match: POST /v1/search, cost: 0.8 }]", 1);
  const other = Object.keys(value).find((name) => name !== "prices");
  if (other !== undefined) {
    const fix = `remove ${other}: of an account only prices are published`;
    return refuse(`has ${other} too`, fix, document.lineOf([other]));
  }
  return { document, prices };
}

/**
 * The same, parsed as an instance of this configuration would when they are published. Throws FareboxError `config_invalid` with all
 * that is wrong.
 */
export function parseAccountPrices(
  file: string,
  config: PriceSurroundings & Pick<Config, "contract">,
): readonly Price[] {
  const plans = config.plans.map(({ name }) => name);
  const { document, prices } = readAccountPrices(file);
  const parsed = createPriceParser(config)(prices, { plans });
  if (parsed.ok) return parsed.value;
  throw refuseAt(file, document, parsed.problems);
}
