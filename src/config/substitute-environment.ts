import { isJsonObject } from "../domain/json/json-value.ts";
import { at, type Problem } from "../domain/problem.ts";

/** The process's environment, or a test's. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\{env:([^}]*)\}/g;

/**
 * The value with each `${env:NAME}` in its texts replaced by the variable, so that a secret never has to stand in a file.
 * A variable that is not set is a problem; what one holds is in no message.
 */
export function substituteEnvironment(
  value: unknown,
  variables: EnvironmentVariables,
  path: string,
  problems: Problem[],
): unknown {
  if (typeof value === "string") return substituteText(value, variables, path, problems);
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
