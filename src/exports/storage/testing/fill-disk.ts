import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import type { TestContext } from "node:test";

/** The system's own error, as a full disk gives it. */
async function readNoSpace(): Promise<Error> {
  const full = await open("/dev/full", "w");
  try {
    await full.write(Buffer.from("x"));
  } catch (error) {
    if (error instanceof Error) return error;
  } finally {
    await full.close();
  }
  return assert.fail("/dev/full is full");
}

/** Lets every write to a file fail so. */
export async function fillDisk(context: TestContext): Promise<void> {
  const error = await readNoSpace();
  const handle = await open(import.meta.filename, "r");
  const prototype: { write: (...args: never[]) => Promise<never> } = Object.getPrototypeOf(handle);
  await handle.close();
  context.mock.method(prototype, "write", () => Promise.reject(error));
}
