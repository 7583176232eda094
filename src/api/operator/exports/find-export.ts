import { FareboxError } from "../../../domain/farebox-error.ts";
import type { ExportJob } from "../../../ledger/exports/export-job.ts";
import { findExport } from "../../../ledger/exports/read-exports.ts";
import type { OperatorServices } from "../operator-services.ts";

/** An export of any account. Throws FareboxError `export_unknown`. */
export async function findKnownExport(
  { database, config }: OperatorServices,
  exportId: string,
): Promise<ExportJob> {
  const job = await findExport(database, shardsOf(config), exportId);
  if (job !== undefined) return job;
  throw new FareboxError("export_unknown", `There is no export ${exportId}.`, { detail: { exportId } });
}

/** Exports lie in their accounts' shards. */
export function shardsOf({ shards }: OperatorServices["config"]): readonly number[] {
  return Array.from({ length: shards }, (_, shard) => shard);
}
