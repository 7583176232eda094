import type { AccountRequest } from "../../../contract/account-endpoint.ts";
import type { Database } from "../../../ledger/database/database.ts";
import type { ExportJob } from "../../../ledger/exports/export-job.ts";
import { readExport } from "../../../ledger/exports/read-exports.ts";
import { RefusalError } from "../refusal-error.ts";

/** An export of the caller's account. One of another account is as unknown as one that never was. */
export async function readOwnExport(
  database: Database,
  { accountId, shard }: AccountRequest,
  exportId: string,
): Promise<ExportJob> {
  const job = await readExport(database, shard, exportId);
  if (job?.accountId === accountId) return job;
  throw new RefusalError({ code: "resource_unknown", what: "export", id: exportId });
}
