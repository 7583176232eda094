import { readFileSync } from "node:fs";
import { type FileProblem, problemsError } from "../contract/file-problem.ts";
import { parseYamlDocument } from "../contract/yaml-document.ts";
import { isJsonObject } from "../domain/json/json-value.ts";

/**
 * Reads a file with the `prices` of one account, as farebox.yaml has them, and nothing else. They are not looked at: the operator API
 * knows credit types and plans. Throws FareboxError `config_invalid`.
 */
export function loadAccountPrices(file: string): readonly unknown[] {
  const refuse = (reason: string, fix: string, line?: number): never => {
    const problem: FileProblem = { file, path: "", line, reason, fix };
    throw problemsError("config_invalid", "The file of prices", [problem]);
  };
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return refuse(
      `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      "check the path and its permissions",
    );
  }
  const document = parseYamlDocument(file, text);
  if (!("value" in document)) throw problemsError("config_invalid", "The file of prices", document);
  const { value } = document;
  const prices = isJsonObject(value) ? value["prices"] : undefined;
  if (!isJsonObject(value) || !Array.isArray(prices) || prices.length === 0)
    return refuse("has no prices", "write prices: [{ match: POST /v1/search, cost: 0.8 }]", 1);
  const other = Object.keys(value).find((name) => name !== "prices");
  if (other !== undefined) {
    const fix = `remove ${other}: of an account only prices are published`;
    return refuse(`has ${other} too`, fix, document.lineOf([other]));
  }
  return prices;
}
