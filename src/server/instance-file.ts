import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const content = z.object({ operator: z.url(), gateway: z.url(), pid: z.int() });

/** Where the running instance of a data directory is reached: written at start, removed at the end. */
export type InstanceFile = Readonly<z.infer<typeof content>>;

const NAME = "instance.json";

/** Written beside and renamed: a reader sees a whole file or none. Mode 0600, as everything in the directory. */
export function writeInstanceFile(directory: string, instance: InstanceFile): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `${NAME}.${process.pid}`);
  writeFileSync(temporary, `${JSON.stringify(instance)}\n`, { mode: 0o600 });
  renameSync(temporary, join(directory, NAME));
}

/** The directory's running instance, or undefined when none was written or it cannot be read. */
export function readInstanceFile(directory: string): InstanceFile | undefined {
  try {
    return content.parse(JSON.parse(readFileSync(join(directory, NAME), "utf8")));
  } catch {
    return undefined;
  }
}

/** Removes the file if it is this process's: another instance may have taken the directory over. */
export function removeInstanceFile(directory: string): void {
  if (readInstanceFile(directory)?.pid === process.pid) rmSync(join(directory, NAME), { force: true });
}
