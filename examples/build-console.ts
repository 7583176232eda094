import { execFile } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "..");
const BUILT = join(ROOT, "dist", "console");

/** What the built pages are made of. */
const SOURCES = ["console/*.{html,ts,json}", "console/src/**/*", "src/client/**/*.ts", "package-lock.json"];

/**
 * Builds the console's pages where they are missing or older than their sources, as in a fresh clone. It is built beside and put in
 * place whole, so that two that do it at once do not disturb one another.
 */
export async function buildConsole(onStart: () => void = () => undefined): Promise<void> {
  if (!isStale()) return;
  onStart();
  mkdirSync(dirname(BUILT), { recursive: true });
  const beside = mkdtempSync(join(dirname(BUILT), "console-"));
  try {
    const vite = join(dirname(createRequire(import.meta.url).resolve("vite/package.json")), "bin", "vite.js");
    const config = join(ROOT, "console", "vite.config.ts");
    await promisify(execFile)(process.execPath, [
      vite,
      "build",
      "--config",
      config,
      "--outDir",
      join(beside, "new"),
      "--logLevel",
      "error",
      // Another one builds into another folder.
      "--bypass-lock",
    ]);
    putInPlace(join(beside, "new"), join(beside, "old"));
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Unless somebody else was faster, whose pages are as new. */
function putInPlace(made: string, old: string): void {
  if (!isStale()) return;
  try {
    if (existsSync(BUILT)) renameSync(BUILT, old);
    renameSync(made, BUILT);
  } catch (error) {
    if (isStale()) throw error;
  }
}

function isStale(): boolean {
  const page = join(BUILT, "portal.html");
  if (!existsSync(page)) return true;
  const builtAt = statSync(page).mtimeMs;
  return globSync(SOURCES, { cwd: ROOT }).some((path) => {
    const file = statSync(join(ROOT, path));
    return file.isFile() && file.mtimeMs > builtAt;
  });
}
