import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The repository's root. */
const ROOT = join(import.meta.dirname, "..", "..");

/** Paths of all tracked and not-ignored files, relative to the root, that match the pattern. */
export function trackedFiles(pattern: RegExp): string[] {
  const listed = execFileSync(
    "git",
    ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"],
    {
      cwd: ROOT,
      encoding: "utf8",
    },
  );
  const deleted = new Set(
    execFileSync("git", ["ls-files", "--deleted"], { cwd: ROOT, encoding: "utf8" }).split("\n"),
  );
  // New files would come first, and the last migration decides.
  return listed
    .split("\n")
    .filter((path) => path !== "" && pattern.test(path) && !deleted.has(path))
    .toSorted();
}

export function readTracked(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}
