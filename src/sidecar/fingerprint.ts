import { createHash } from "node:crypto";
import { canonicalJson } from "../domain/json/canonical-json.ts";

/** Stands for a value of JSON, whatever its size and the order of its members: what was asked is compared long after it is forgotten. */
export function fingerprint(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
