import { readFileSync } from "node:fs";

/** A file's text, or an error whose message says why there is none. Other bytes than UTF-8 would become signs that nobody wrote. */
export function readTextFile(path: string): string | Error {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new Error("it is not UTF-8; save it as UTF-8");
  }
}
