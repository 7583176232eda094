import type { Readable } from "node:stream";
import { FareboxError } from "../../domain/farebox-error.ts";

/** Where parts lie. Every call may reject with FareboxError `export_storage_failed` (retryable) or `export_storage_full`. */
export interface ExportStorage {
  /** Begins an object. Nobody sees it before it is closed, and nothing of it stays when it never is. */
  create(object: string): Promise<ObjectWriter>;
  /** All of it, or the bytes from `first` to `last`. Rejects when it is not there. */
  open(object: string, range?: { readonly first: number; readonly last: number }): Promise<Readable>;
  /** Names of what lies in a folder, and of what was begun there and left. */
  list(folder: string): Promise<readonly string[]>;
  /** Safe to repeat. */
  remove(object: string): Promise<void>;
  /** Ends connections. */
  close(): void;
}

/** Takes one object, chunk by chunk; each call is awaited before the next. */
export interface ObjectWriter {
  write(chunk: Uint8Array): Promise<void>;
  /** The object is there, and stays there after a loss of power, when this resolves. */
  close(): Promise<void>;
  /** Never rejects. */
  abandon(): Promise<void>;
}

/** Names are made by Farebox alone; one that leads out of its folder is a bug. */
const NAME = /^[0-9A-Za-z][\w-]*(\.[\w-]+)*(\/[0-9A-Za-z][\w-]*(\.[\w-]+)*)*$/;

export function checkName(object: string): string {
  if (!NAME.test(object)) throw new Error(`not the name of a part: ${JSON.stringify(object)}`);
  return object;
}

/** There is no room: nothing that a repetition would fix. */
export function storageFull(cause: unknown): FareboxError {
  return new FareboxError("export_storage_full", "The storage of exports is full.", { cause });
}

export function storageFailed(what: string, cause: unknown): FareboxError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FareboxError("export_storage_failed", `The storage of exports failed to ${what}: ${reason}`, {
    retryable: true,
    cause,
  });
}
