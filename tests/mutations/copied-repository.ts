import { execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Mutation, mutate, type NamedTest } from "./mutation.ts";
import type { TestResult } from "./test-results.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Tests that a fault keeps from ending are ended after this long. The slowest named test takes a tenth of it. */
const GIVE_UP_MS = 300_000;

/** What makes a migrated database, and nothing else: fails when a migration cannot be applied. */
const MIGRATE = `
  const { createTestDatabase } = await import("./src/ledger/testing/test-databases.ts");
  await (await createTestDatabase("pglite")).drop();
`;

export interface TestRun {
  readonly results: readonly TestResult[];
  /** It had to be ended. */
  readonly hung: boolean;
}

/** The repository as it lies in the working tree, in a temporary folder, so that nothing of it is ever changed by a run. */
export class WorkingCopy {
  readonly #directory = mkdtempSync(join(tmpdir(), "farebox-mutations-"));

  /** Copies what is tracked, and what is new and not ignored. */
  fill(): void {
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    for (const path of new Set(listed.split("\0"))) {
      // A linked node_modules is no folder, so it is not ignored as one.
      if (path === "" || path === "node_modules" || !existsSync(join(ROOT, path))) continue;
      cpSync(join(ROOT, path), join(this.#directory, path));
    }
    symlinkSync(join(ROOT, "node_modules"), join(this.#directory, "node_modules"));
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Runs with the fault in the file, and takes it out again. */
  async with<T>(mutation: Mutation, run: () => Promise<T>): Promise<T> {
    const path = join(this.#directory, mutation.file);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, mutate(text, mutation));
    try {
      return await run();
    } finally {
      writeFileSync(path, text);
    }
  }

  /** What Postgres says against the migrations; undefined when they can be applied. */
  migrate(): string | undefined {
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", MIGRATE], {
      cwd: this.#directory,
      encoding: "utf8",
    });
    if (status === 0) return undefined;
    return stderr.split("\n").find((line) => /error:/i.test(line)) ?? stderr;
  }

  /** Runs the tests with these titles, and no others of their files. */
  async test(tests: readonly NamedTest[]): Promise<TestRun> {
    const child = spawn(
      process.execPath,
      [
        "--no-wasm-code-gc",
        "--liftoff-only",
        "--test",
        "--test-concurrency=2",
        "--test-reporter=./tests/mutations/test-results.ts",
        ...unique(tests.map(({ title }) => `--test-name-pattern=${escapePattern(title)}`)),
        ...unique(tests.map(({ file }) => file)),
      ],
      { cwd: this.#directory, stdio: ["ignore", "pipe", "ignore"] },
    );
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill("SIGKILL");
    }, GIVE_UP_MS);
    const results: TestResult[] = [];
    for await (const line of createInterface({ input: child.stdout })) results.push(JSON.parse(line));
    clearTimeout(timer);
    return { results, hung };
  }
}

function escapePattern(title: string): string {
  return title.replaceAll(/[/\\^$.*+?()[\]{}|]/g, "\\$&");
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
