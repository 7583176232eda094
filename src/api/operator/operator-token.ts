import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NAME = "operator-token";

/** The token that operator requests must carry, and whether it was made just now (it is then shown once). */
export interface OperatorToken {
  readonly token: string;
  readonly created: boolean;
  /** The file that keeps it; undefined when the environment gave it. */
  readonly file: string | undefined;
}

/**
 * The token from the environment, or the data directory's, or a new one that is kept there with mode 0600. There is no
 * default token: an operator listener that everyone knows the password of is open.
 */
export function ensureOperatorToken(directory: string, fromEnvironment: string | undefined): OperatorToken {
  if (fromEnvironment !== undefined) return { token: fromEnvironment, created: false, file: undefined };
  const file = join(directory, NAME);
  const kept = readOperatorToken(directory);
  if (kept !== undefined) return { token: kept, created: false, file };
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const token = `fbo_${randomBytes(32).toString("base64url")}`;
  // Written beside and linked: of two instances that start at once on one directory the first one's token holds for both.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${token}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
    return { token, created: true, file };
  } catch (error) {
    const theirs = readOperatorToken(directory);
    if (theirs === undefined) throw error;
    return { token: theirs, created: false, file };
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The token that the data directory keeps, or undefined when it keeps none. */
export function readOperatorToken(directory: string): string | undefined {
  try {
    const token = readFileSync(join(directory, NAME), "utf8").trim();
    return token === "" ? undefined : token;
  } catch {
    return undefined;
  }
}
