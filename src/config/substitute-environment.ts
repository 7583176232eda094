import { isJsonObject } from "../domain/json/json-value.ts";
import { at, type Problem } from "../domain/problem.ts";

/** The process's environment, or a test's. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

/** Where secrets are: in their texts, and in nothing else, variables are read. */
const SECRETS = ["upstream", "keys.imported", "exports.storage", "console.oidc"] as const;

const REFERENCE = /\$\{env:([^}]*)\}/g;

/**
 * The value with each `${env:NAME}` in its texts replaced by the variable, so that a secret never has to stand in a file.
 * A variable that is not set is a problem; what one holds is in no message.
 */
function substituteEnvironment(
  value: unknown,
  variables: EnvironmentVariables,
  path: string,
  problems: Problem[],
): unknown {
  if (typeof value === "string") return substituteText(value, variables, path, problems);
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) =>
      substituteEnvironment(item, variables, at(path, index), problems),
    );
  }
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).map(([name, member]) => [
    name,
    substituteEnvironment(member, variables, at(path, name), problems),
  ]);
  return Object.fromEntries(members);
}

function substituteText(
  text: string,
  variables: EnvironmentVariables,
  path: string,
  problems: Problem[],
): string {
  return text.replaceAll(REFERENCE, (reference, name: string) => {
    const value = variables[name];
    if (value !== undefined && value !== "") return value;
    problems.push({
      path,
      reason: `the environment variable ${name} is not set`,
      fix: `set ${name} where Farebox runs, or write the value here`,
    });
    return reference;
  });
}

/**
 * A reference where nothing is replaced would be taken for the value itself: of a name that is compared with, nothing would ever match.
 * `value` is the whole file as it is written.
 */
export function findOtherReferences(value: unknown, path: string, problems: Problem[]): void {
  if (SECRETS.some((place) => place === path)) return;
  if (typeof value === "string") {
    const [reference] = /\$\{env:[^}]*\}?/.exec(value) ?? [];
    if (reference === undefined) return;
    const fix = `write the value; variables are read in ${SECRETS.join(", ")}`;
    problems.push({ path, reason: `${reference} is not replaced here`, fix });
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) findOtherReferences(item, at(path, index), problems);
  } else if (isJsonObject(value)) {
    for (const [name, member] of Object.entries(value)) findOtherReferences(member, at(path, name), problems);
  }
}

/** The file's value with what its secrets refer to. Elsewhere a reference stays what it is. */
export function substituteSecrets(
  value: unknown,
  variables: EnvironmentVariables,
  problems: Problem[],
): unknown {
  if (!isJsonObject(value)) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const path of SECRETS) {
    const [section = "", option] = path.split(".");
    const whole = filled[section];
    if (option === undefined) {
      if (whole !== undefined) filled[section] = substituteEnvironment(whole, variables, path, problems);
    } else if (isJsonObject(whole) && whole[option] !== undefined) {
      filled[section] = {
        ...whole,
        [option]: substituteEnvironment(whole[option], variables, path, problems),
      };
    }
  }
  return filled;
}
