import { readdirSync } from "node:fs";
import { join } from "node:path";
import { nearestWord } from "../domain/nearest-word.ts";
import type { Contract } from "./contract.ts";
import { type ContractFile, contractSchema } from "./contract-schema.ts";
import { createContract } from "./create-contract.ts";
import type { ExportsTemplate } from "./exports/export-schema.ts";
import { extendContract } from "./extend-contract.ts";
import { readTextFile } from "./file/read-text-file.ts";
import { type FileProblem, problemsError } from "./file-problem.ts";
import { findLostDigits } from "./lost-digits.ts";
import type { RefusalDefaults } from "./refusal-answers.ts";
import { readRightParts } from "./right-parts.ts";
import { parseBySchema } from "./schema-problems.ts";
import type { TemplateProblem } from "./template.ts";
import { type DocumentPath, formatPath, parseYamlDocument } from "./yaml-document.ts";

/** The contract files that ship with Farebox. */
const CONTRACTS_FOLDER = join(import.meta.dirname, "..", "..", "contracts");

/** The contract whose statuses, titles and messages every other one starts from. */
const BASE = "farebox";

/** Names of the contracts that ship with Farebox. */
export function listContracts(): readonly string[] {
  return readdirSync(CONTRACTS_FOLDER)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => name.slice(0, -".yaml".length))
    .sort();
}

/** True for `./own.yaml` and `/etc/own.yaml`, false for `crustdata`. */
export function isContractPath(nameOrPath: string): boolean {
  return /[/\\]|\.ya?ml$/.test(nameOrPath);
}

/**
 * Loads a contract by its shipped name or by the path of a file (relative to the working directory).
 * Throws FareboxError `contract_invalid`; `detail.problems` lists everything that is wrong.
 */
export function loadContract(nameOrPath: string): Contract {
  const loaded = readContract(nameOrPath);
  if ("problems" in loaded)
    throw problemsError("contract_invalid", `The contract ${nameOrPath}`, loaded.problems);
  return loaded.contract;
}

/** As {@link loadContract}, with the problems returned: the configuration reports them together with its own. */
export function readContract(
  nameOrPath: string,
):
  | { readonly contract: Contract; readonly file: ContractFile }
  | { readonly problems: readonly FileProblem[] } {
  const known = listContracts();
  if (!isContractPath(nameOrPath) && !known.includes(nameOrPath)) {
    const near = nearestWord(nameOrPath, known);
    const fix = `${near === undefined ? "" : `did you mean ${near}? `}the shipped ones are ${known.join(", ")}; a path is written ./contract.yaml`;
    const reason = `no contract is called ${JSON.stringify(nameOrPath)}`;
    return { problems: [{ file: undefined, path: "contract", line: undefined, reason, fix }] };
  }
  const path = isContractPath(nameOrPath) ? nameOrPath : join(CONTRACTS_FOLDER, `${nameOrPath}.yaml`);
  const shown = isContractPath(nameOrPath) ? nameOrPath : `contracts/${nameOrPath}.yaml`;
  return parseContract(shown, readTextFile(path), nameOrPath === BASE ? {} : readDefaults());
}

/** Parses a contract's text. `text` is an error's message when the file could not be read. */
export function parseContract(
  shown: string,
  text: string | Error,
  defaults: RefusalDefaults,
):
  | { readonly contract: Contract; readonly file: ContractFile }
  | { readonly problems: readonly FileProblem[] } {
  if (text instanceof Error) {
    // Wrong is what names it: the configuration puts its own file and line before this.
    const reason = `the contract ${shown} cannot be read: ${text.message}`;
    const fix = "check the path and its permissions";
    return { problems: [{ file: undefined, path: "contract", line: undefined, reason, fix }] };
  }
  const written = parseYamlDocument(shown, text);
  if (!("value" in written)) return { problems: written };
  const document = extendContract(written, readShipped);
  if (!("value" in document)) return { problems: document };
  const parsed = parseBySchema(document, contractSchema);
  // Parts that are wrong are read as if they were left out: one mistake must not hide those in other parts.
  const right =
    "problems" in parsed
      ? readRightParts(document.value)
      : { file: parsed.value, placeOf: (path: DocumentPath) => path };
  const { file } = right;
  const faults: TemplateProblem[] = [];
  const exports = file.exports ?? readExportDefaults();
  const contract = createContract({ ...file, exports }, defaults, faults);
  const wrong = "problems" in parsed ? parsed.problems : [];
  const lost = findLostDigits(written);
  if (faults.length + wrong.length + lost.length === 0) return { contract, file };
  const told = faults.map(({ path, reason, fix }) => {
    const at = right.placeOf(path);
    return { file: shown, path: formatPath(at), line: document.lineOf(at), reason, fix };
  });
  const problems = [...wrong, ...told, ...lost].toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0));
  return { problems };
}

let readOnce: ContractFile | undefined;

/** What contracts inherit: the farebox contract's statuses, titles, messages and Retry-After. Bodies are never inherited. */
export function readDefaults(): RefusalDefaults {
  return readBase().refusals;
}

/** How exports look where a contract does not say. */
function readExportDefaults(): ExportsTemplate {
  const { exports } = readBase();
  if (exports === undefined) throw new TypeError("the farebox contract says how exports look");
  return exports;
}

function readBase(): ContractFile {
  if (readOnce === undefined) {
    const base = readContract(BASE);
    if ("problems" in base) throw problemsError("contract_invalid", "The farebox contract", base.problems);
    readOnce = base.file;
  }
  return readOnce;
}

/** What a shipped contract's file says; undefined: there is none of that name. */
function readShipped(name: string): unknown {
  if (!listContracts().includes(name)) return undefined;
  const shown = `contracts/${name}.yaml`;
  const text = readTextFile(join(CONTRACTS_FOLDER, `${name}.yaml`));
  if (text instanceof Error) throw text;
  const document = parseYamlDocument(shown, text);
  if ("value" in document) return document.value;
  throw problemsError("contract_invalid", `The contract ${name}`, document);
}
