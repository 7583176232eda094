import { randomUUID } from "node:crypto";
import type { ExportKind } from "../../domain/export-kind.ts";
import type { Database } from "../database/database.ts";
import type { NewExport } from "../exports/export-job.ts";
import {
  type ClaimedExport,
  type ClaimOptions,
  claimExport,
  failExport,
  recordExportPart,
  type WrittenPart,
} from "../exports/work-on-export.ts";
import type { PoolRef } from "../ledger.ts";

/** What one record costs in tests. */
export const RECORD_PRICE = 2n;

/** A kind that is charged at completion, of whose source the ledger knows nothing. */
export function kindOf(change: Partial<ExportKind> = {}): ExportKind {
  return {
    name: "people",
    endpoint: "POST /exports/people",
    source: {
      kind: "lines",
      call: { url: "http://127.0.0.1:9/records", method: "GET", headers: {} },
      throttle: { concurrency: 1, retries: 0, timeoutMs: 5_000 },
    },
    creditType: "credits",
    price: RECORD_PRICE,
    charge: "completion",
    formats: ["jsonl", "csv"],
    columns: [{ name: "id", pointer: "/id" }],
    formulas: "disarm",
    gzip: true,
    partRecords: 10,
    maxRecords: 100,
    whenMore: "fail",
    refuseDuplicates: true,
    keepSeconds: 3_600,
    maxOpen: 1_000,
    maxKept: 1_000,
    limits: { recordBytes: 1_048_576, totalBytes: 2 ** 34, seconds: 3_600 },
    ...change,
  };
}

/** An export of a pool's account, by the key that `createPool` names. */
export function exportOf(
  { accountId, shard, creditType }: PoolRef,
  change: Partial<NewExport> = {},
  kind: Partial<ExportKind> = {},
): NewExport {
  const whole = kindOf({ creditType, ...kind });
  return {
    exportId: randomUUID(),
    accountId,
    shard,
    keyId: "key_1",
    kind: whole,
    priceList: 1,
    request: { params: {}, body: '{"filters": {}}' },
    policy: "all",
    format: "jsonl",
    maxRecords: whole.maxRecords,
    whenMore: whole.whenMore,
    ...change,
  };
}

const CLAIM: ClaimOptions = { owner: "test", kinds: ["people"], seconds: 60, perAccount: 1_000 };

/** Claims the export, whichever others wait in its shard; undefined: it cannot be claimed. */
export async function claimOf(
  database: Database,
  { exportId, shard }: Pick<NewExport, "exportId" | "shard">,
  change: Partial<ClaimOptions> = {},
): Promise<ClaimedExport | undefined> {
  for (;;) {
    const claimed = await claimExport(database, shard, { ...CLAIM, ...change });
    if (claimed === undefined || claimed.job.exportId === exportId) return claimed;
    // It waits on behind this one.
    await failExport(database, claimed.job, claimed.claim, {
      code: null,
      message: "",
      retryInMs: 0,
      counts: false,
    });
  }
}

function partOf({ claim, job }: ClaimedExport, records: number, part = job.parts + 1): WrittenPart {
  return {
    part,
    object: `${claim.exportId}/${part}-${claim.claim}.jsonl.gz`,
    records,
    bytes: 100 * records,
    sha256: "ab".repeat(32),
    place: `behind ${part}`,
    expected: undefined,
    leftOut: 0,
    sourceBytes: 1_000 * records,
    ids: undefined,
  };
}

/** Records parts of these sizes. */
export async function recordParts(
  database: Database,
  claimed: ClaimedExport,
  sizes: readonly number[],
): Promise<void> {
  for (const [index, records] of sizes.entries()) {
    await recordExportPart(
      database,
      claimed.claim,
      60,
      partOf(claimed, records, claimed.job.parts + 1 + index),
    );
  }
}
