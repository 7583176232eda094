import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { ExportKind } from "../../domain/export-kind.ts";
import type { Database } from "../database/database.ts";
import { createExport } from "../exports/ask-for-export.ts";
import type { ExportJob, NewExport } from "../exports/export-job.ts";
import { readExport } from "../exports/read-exports.ts";
import {
  type ClaimedExport,
  type ClaimOptions,
  claimExport,
  failExport,
  finishExport,
  recordExportPart,
  type WrittenPart,
} from "../exports/work-on-export.ts";
import type { PoolRef } from "../ledger.ts";
import { OF_POOL } from "./books.ts";

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

/** What tests of exports do and read, on the database that the suite has opened. */
export function exportVerbs(database: () => Database) {
  const create = async (asked: NewExport): Promise<ExportJob> => {
    const result = await createExport(database(), asked);
    return result.kind === "created" ? result.job : assert.fail(JSON.stringify(result.kind));
  };
  const read = async ({ exportId, shard }: NewExport | ExportJob): Promise<ExportJob> =>
    (await readExport(database(), shard, exportId)) ?? assert.fail("it is there");
  return {
    create,
    read,
    /** An export that is ready, with so many records. */
    makeReady: async (asked: NewExport, sizes: readonly number[]): Promise<ExportJob> => {
      const job = await create(asked);
      const claimed = (await claimOf(database(), asked)) ?? assert.fail("it can be claimed");
      await recordParts(database(), claimed, sizes);
      await finishExport(database(), job, claimed.claim, 0);
      return await read(job);
    },
    chargesOf: async (pool: PoolRef): Promise<{ amount: bigint; units: number; request: string }[]> =>
      await database().query(
        `SELECT amount, units, request::text AS request FROM farebox.entries WHERE ${OF_POOL} AND kind = 'c' ORDER BY seq`,
        [pool.accountId, pool.creditType],
      ),
  };
}
