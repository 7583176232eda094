import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { checkName, type ExportStorage, type ObjectWriter, storageFailed, storageFull } from "./storage.ts";

/** No room on the file system, by the user's quota, or by the process' limit of a file. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** What is being written: no name that a finished part can have. */
const UNFINISHED = ".writing-";

/**
 * Parts as files in a folder. A file is written under another name, flushed, and renamed; the folder is flushed too, so that what is
 * recorded is there after a loss of power. Several instances need the same folder: a shared volume.
 */
export function openFolderStorage(path: string): ExportStorage {
  const root = resolve(path);
  const placeOf = (object: string): string => join(root, checkName(object));
  return {
    create: (object) => explain("write", () => FolderWriter.begin(root, placeOf(object))),
    open: (object, range) => explain("read", () => openFile(placeOf(object), range)),
    list: (folder) => explain("list", () => listFolder(root, checkName(folder))),
    remove: (object) => explain("remove", () => removeFile(root, object)),
    close: () => undefined,
  };
}

class FolderWriter implements ObjectWriter {
  readonly #file: FileHandle;
  readonly #unfinished: string;
  readonly #place: string;

  static async begin(root: string, place: string): Promise<FolderWriter> {
    await makeFolder(root, dirname(place));
    const suffix = `${UNFINISHED}${randomBytes(6).toString("hex")}`;
    const unfinished = `${place}${suffix}`;
    return new FolderWriter(await open(unfinished, "wx", 0o640), unfinished, place);
  }

  private constructor(file: FileHandle, unfinished: string, place: string) {
    this.#file = file;
    this.#unfinished = unfinished;
    this.#place = place;
  }

  write(chunk: Uint8Array): Promise<void> {
    return explain("write", async () => {
      for (let written = 0; written < chunk.length; ) {
        written += (await this.#file.write(chunk, written)).bytesWritten;
      }
    });
  }

  close(): Promise<void> {
    return explain("write", async () => {
      await this.#file.sync();
      await this.#file.close();
      await rename(this.#unfinished, this.#place);
      await flushFolder(dirname(this.#place));
    });
  }

  async abandon(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await rm(this.#unfinished, { force: true }).catch(() => undefined);
  }
}

/** A new folder is an entry of the one above it, which is flushed too. */
async function makeFolder(root: string, folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o750 });
  if (made === undefined) return;
  const top = dirname(made);
  for (let at = dirname(folder); at.length >= top.length; at = dirname(at)) {
    await flushFolder(at);
    if (at === dirname(root) || at === dirname(at)) return;
  }
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** It is open when this resolves: what is removed afterwards can still be read to its end. */
async function openFile(
  place: string,
  range: { readonly first: number; readonly last: number } | undefined,
): Promise<Readable> {
  const handle = await open(place, "r");
  return handle.createReadStream(range === undefined ? {} : { start: range.first, end: range.last });
}

async function listFolder(root: string, folder: string): Promise<string[]> {
  try {
    return (await readdir(join(root, folder))).map((name) => `${folder}/${name}`);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

async function removeFile(root: string, object: string): Promise<void> {
  const place = join(root, checkName(object));
  await rm(place, { force: true });
  // The last one takes the folder with it.
  await rmdir(dirname(place)).catch(() => undefined);
}

async function explain<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    throw FULL.has(code) ? storageFull(error) : storageFailed(what, error);
  }
}

/** The system's own code, `ENOSPC`; undefined: it is no error of the system. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
