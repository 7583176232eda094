import type { ContractFile } from "../contract/contract-schema.ts";
import { shownCreditTypes } from "../contract/shown-credit-types.ts";
import { isCreditTypeName } from "../domain/credit-type.ts";
import { isApiKeyPrefix } from "../domain/keys/api-key.ts";
import { at, describeValue, type Problem } from "../domain/problem.ts";
import { parseMatchPattern } from "../domain/routes/match-pattern.ts";
import { routeKey } from "../domain/routes/route-table.ts";

/** Mistakes that one option alone does not show. */

export function checkCreditTypes(names: readonly string[], problems: Problem[]): void {
  for (const [index, name] of names.entries()) {
    const path = at("creditTypes", index);
    if (!isCreditTypeName(name)) {
      const fix = "write lower-case letters, digits, _ and -, at most 32, a letter first";
      problems.push({ path, reason: `${describeValue(name)} is not a credit type's name`, fix });
    } else if (names.indexOf(name) !== index) {
      problems.push({ path, reason: `"${name}" is listed twice`, fix: "remove one of the two" });
    }
  }
}

export function checkKeyPrefix(prefix: string, problems: Problem[]): void {
  if (isApiKeyPrefix(prefix)) return;
  problems.push({
    path: "keys.prefix",
    reason: `${describeValue(prefix)} is not a key prefix`,
    fix: "write lower-case letters and digits, at most 16, a letter first: fbx, acme_live",
  });
}

/** Below its prefix the customer API answers everything: what `open` says there could never apply. */
export function checkCustomerApi(prefix: string, open: readonly string[], problems: Problem[]): void {
  for (const [index, match] of open.entries()) refuseBelow(prefix, at("open", index), match, problems);
}

/** What stands below the prefix of the customer API could never apply. */
export function refuseBelow(prefix: string, path: string, match: string, problems: Problem[]): void {
  if (!isBelow(match, prefix)) return;
  problems.push({
    path,
    reason: `"${match}" is below ${prefix}, where the customer API answers`,
    fix: "remove it, or move the customer API: customerApi: { path: /another }",
  });
}

/** Whether every path that the match can match begins with the prefix and a slash. */
export function isBelow(match: string, prefix: string): boolean {
  const pattern = parseMatchPattern(match, "", []);
  if (pattern === undefined) return false;
  const wanted = prefix.slice(1).split("/");
  const { segments, wildcard } = pattern;
  const isInside = wanted.every((text, index) => {
    const segment = segments[index];
    return segment !== undefined && "literal" in segment && segment.literal === text;
  });
  return isInside && (segments.length > wanted.length || wildcard);
}

/** A contract may speak of credit types by name. */
export function checkShownTypes(
  file: ContractFile,
  creditTypes: readonly string[],
  problems: Problem[],
): void {
  for (const name of shownCreditTypes(file)) {
    if (creditTypes.includes(name)) continue;
    problems.push({
      path: "creditTypes",
      reason: `the contract ${file.name} shows the credit type "${name}", which is not listed`,
      fix: `add ${name}, or choose another contract`,
    });
  }
}

/** The text itself when it is no match: that is reported where it is read. */
export function keyOfMatch(match: string): string {
  const pattern = parseMatchPattern(match, "", []);
  return pattern === undefined ? match : routeKey(pattern, { exact: false });
}
