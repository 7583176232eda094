import { at, type Problem } from "../domain/problem.ts";
import { isBelow, keyOfMatch } from "./check-config.ts";
import type { ExportRouteFile } from "./sections/export-schema.ts";

interface Answered {
  /** Matches that the contract answers. */
  readonly contract: readonly string[];
  readonly open: readonly string[];
  /** Undefined: the customer API is off. */
  readonly customerApi: string | undefined;
  /** The contract's own endpoints that list and download files; empty: it has none. */
  readonly files: readonly string[];
  /** What the contract gives a request that names no format; undefined: the first of the route's. */
  readonly format?: "jsonl" | "csv" | undefined;
}

/** What creates an export is answered here, with a key, and charged by its records: nothing else may speak for it. */
export function checkExports(
  routes: readonly ExportRouteFile[],
  answered: Answered,
  problems: Problem[],
): void {
  if (routes.length > 0 && answered.customerApi === undefined && answered.files.length < 2) {
    problems.push({
      path: at("exports", "routes"),
      reason:
        "nobody could list or download their files: the customer API is off, and the contract has no such endpoints",
      fix: "write customerApi: { enabled: true }, or give the contract exports.files and exports.file",
    });
  }
  const contract = new Set(answered.contract.map(keyOfMatch));
  const open = new Set(answered.open.map(keyOfMatch));
  for (const [index, { match, formats }] of routes.entries()) {
    const key = keyOfMatch(match);
    const { customerApi, format } = answered;
    if (format !== undefined && !formats.includes(format)) {
      problems.push({
        path: at(at(at("exports", "routes"), index), "formats"),
        reason: `lacks ${format}, which the contract gives a request that names no format: each would be refused`,
        fix: `add ${format}, or give the contract's exports.request.format another default`,
      });
    }
    const path = at(at(at("exports", "routes"), index), "match");
    const refuse = (reason: string, fix: string): void => void problems.push({ path, reason, fix });
    if (open.has(key)) refuse(`"${match}" is open without a key`, "remove it from open");
    if (contract.has(key)) refuse(`"${match}" is answered by the contract`, "choose another match");
    if (customerApi !== undefined && isBelow(match, customerApi)) {
      refuse(`"${match}" is below ${customerApi}, where the customer API answers`, "choose another match");
    }
  }
}
