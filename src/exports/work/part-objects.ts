import type { ExportJob } from "../../ledger/exports/export-job.ts";
import type { ExportClaim } from "../../ledger/exports/work-on-export.ts";
import type { ExportStorage } from "../storage/storage.ts";

/** The name of a part in the storage. It has the claim's number: two workers never write the same one. */
export function partObject({ exportId, format, gzip }: ExportJob, part: number, claim: number): string {
  return `${exportId}/${String(part).padStart(6, "0")}-${claim}.${format}${gzip ? ".gz" : ""}`;
}

const NUMBERS = /^[0-9a-f-]{36}\/\d{6,}-(\d+)\./;

/**
 * Removes what claims up to this one have written of an export, but for what is to be kept. What is written later has a later
 * claim's number. Returns how many objects there were.
 */
export async function removeObjects(
  storage: ExportStorage,
  { exportId, claim }: ExportClaim,
  kept: ReadonlySet<string>,
): Promise<number> {
  let count = 0;
  for (const object of await storage.list(exportId)) {
    const written = Number(NUMBERS.exec(object)?.[1] ?? 0);
    if (kept.has(object) || written > claim) continue;
    await storage.remove(object);
    count += 1;
  }
  return count;
}
