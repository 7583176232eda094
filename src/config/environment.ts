import { type FileProblem, problemsError } from "../contract/file-problem.ts";
import type { EnvironmentVariables } from "./substitute-environment.ts";

/** What Farebox reads from the process's environment; everything else is in farebox.yaml. */
export interface Environment {
  /** `DATABASE_URL`: the Postgres to use. Undefined: the embedded database. */
  readonly databaseUrl: string | undefined;
  /** `FAREBOX_OPERATOR_TOKEN`: what operators present. Undefined: the data directory's token. */
  readonly operatorToken: string | undefined;
  /** `FAREBOX_OPERATOR_URL`: where the command line finds the operator API. Undefined: the data directory's instance. */
  readonly operatorUrl: string | undefined;
}

/** Short secrets are guessed; 16 characters are the least that a person should get away with. */
const MIN_TOKEN_LENGTH = 16;

/** Reads the environment. Throws FareboxError `config_invalid` that names each variable that is wrong, never its value. */
export function readEnvironment(variables: EnvironmentVariables = process.env): Environment {
  const problems: FileProblem[] = [];
  const refuse = (path: string, reason: string, fix: string): void => {
    problems.push({ file: undefined, path, line: undefined, reason, fix });
  };
  const read = (name: string): string | undefined => (variables[name] === "" ? undefined : variables[name]);
  const databaseUrl = read("DATABASE_URL");
  if (databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    refuse("DATABASE_URL", "is not a Postgres address", "write postgres://user:password@host:5432/database");
  }
  const operatorUrl = read("FAREBOX_OPERATOR_URL");
  if (operatorUrl !== undefined && !hasScheme(operatorUrl, ["http:", "https:"])) {
    refuse("FAREBOX_OPERATOR_URL", "is not an address", "write http://127.0.0.1:8401");
  }
  const operatorToken = read("FAREBOX_OPERATOR_TOKEN");
  if (operatorToken !== undefined && (/\s/.test(operatorToken) || operatorToken.length < MIN_TOKEN_LENGTH)) {
    const fix = `write at least ${MIN_TOKEN_LENGTH} random characters without spaces`;
    refuse("FAREBOX_OPERATOR_TOKEN", "is too short or holds a space", fix);
  }
  if (problems.length > 0) throw problemsError("config_invalid", "The environment", problems);
  return { databaseUrl, operatorToken, operatorUrl };
}

function hasScheme(text: string, schemes: readonly string[]): boolean {
  return URL.canParse(text) && schemes.includes(new URL(text).protocol);
}
