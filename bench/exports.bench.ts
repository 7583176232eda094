import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import type { Database } from "../src/ledger/database/database.ts";
import { createExport } from "../src/ledger/exports/ask-for-export.ts";
import type { ExportJob } from "../src/ledger/exports/export-job.ts";
import { readExport } from "../src/ledger/exports/read-exports.ts";
import { createPool } from "../src/ledger/testing/books.ts";
import { exportKindOf } from "./export-kind.ts";
import { pidOf, startChild, startSmallChild } from "./processes/spawn.ts";
import { readResidentMegabytes } from "./resident-memory.ts";
import { withDatabase } from "./with-database.ts";

const SIZES = [10_000, 100_000, 1_000_000];

/** Of `curl | gzip` and of an export, one after the other. */
const ROUNDS = 3;

/** For each round: more takes minutes. */
const COMPARED = 200_000;

/**
 * Exports of a source that streams as fast as it is read: memory and time from 10^4 to 10^6 records, and records a second as a ratio
 * against `curl | gzip` of the same source.
 */
export async function benchExports(print: (line: string) => void): Promise<void> {
  await withDatabase("postgres", async (database, target) => {
    const source = await startChild("record-source");
    const folder = await mkdtemp(join(tmpdir(), "farebox-bench-exports-"));
    const worker = await startSmallChild(
      "export-worker",
      JSON.stringify({ database: target, folder, source: source.url }),
    );
    const pid = pidOf(worker.process);
    try {
      print("\nExports on postgres: JSON Lines of about 400 bytes, gzip, parts of 10,000, a folder");
      await run(database, source.url, 10_000, pid);
      await pause(2_000);
      const idle = readResidentMegabytes(pid);
      print(`  worker idle: ${idle} MB`);
      for (const records of SIZES) {
        const { seconds, peak } = await run(database, source.url, records, pid);
        const each = ((seconds / records) * 1e6).toFixed(1);
        print(
          `  ${records.toLocaleString("en")} records: ${seconds.toFixed(2)} s, ${each} µs a record, ${peak} MB at most (+${peak - idle})`,
        );
      }
      await compare(database, source.url, pid, print);
    } finally {
      await worker.stop();
      await source.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
}

async function compare(
  database: Database,
  source: string,
  pid: number,
  print: (line: string) => void,
): Promise<void> {
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const curl = await timeCurl(`${source}/lines?records=${COMPARED}`);
    const { seconds } = await run(database, source, COMPARED, pid);
    ratios.push(curl / seconds);
    print(
      `  ${COMPARED.toLocaleString("en")} records: curl | gzip ${curl.toFixed(2)} s, export ${seconds.toFixed(2)} s`,
    );
  }
  const middle = ratios.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
  print(`  records a second against curl | gzip: ${middle.toFixed(2)}x (median of ${ROUNDS})`);
}

async function timeCurl(url: string): Promise<number> {
  const began = performance.now();
  await promisify(execFile)("sh", ["-c", `curl -sf '${url}' | gzip > /dev/null`]);
  return (performance.now() - began) / 1000;
}

/** From its creation to its charge, and the most memory that the worker had. */
async function run(
  database: Database,
  source: string,
  records: number,
  pid: number,
): Promise<{ readonly seconds: number; readonly peak: number }> {
  const pool = await createPool(database, 10_000_000n);
  const kind = exportKindOf(source);
  const began = performance.now();
  const result = await createExport(database, {
    exportId: randomUUID(),
    accountId: pool.accountId,
    shard: pool.shard,
    keyId: "key_1",
    kind,
    priceList: 1,
    request: { params: { records: String(records) } },
    policy: "all",
    format: "jsonl",
    maxRecords: kind.maxRecords,
    whenMore: kind.whenMore,
  });
  if (result.kind !== "created") throw new Error(result.kind);
  let peak = 0;
  for (let job: ExportJob | undefined = result.job; job?.state !== "charged"; ) {
    await pause(20);
    peak = Math.max(peak, readResidentMegabytes(pid));
    job = await readExport(database, pool.shard, result.job.exportId);
    if (job?.state === "failed") throw new Error(job.failure?.message);
    if (job?.state === "charged" && job.records !== records) throw new Error(`${job.records} records`);
  }
  return { seconds: (performance.now() - began) / 1000, peak };
}
