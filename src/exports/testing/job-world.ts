import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import type { ExportKind, ExportSource, ExportStorageTarget } from "../../domain/export-kind.ts";
import type { Database } from "../../ledger/database/database.ts";
import type { ExportJob, ExportState } from "../../ledger/exports/export-job.ts";
import type { PoolRef } from "../../ledger/ledger.ts";
import { SHARDS } from "../../ledger/testing/books.ts";
import { kindOf } from "../../ledger/testing/new-export.ts";
import type { ExportEvents } from "../export-events.ts";
import type { AskedExport, Exports } from "../exports.ts";
import { type ExportOptions, openExports } from "../open-exports.ts";
import { type Script, ScriptedSource } from "./scripted-source.ts";

export const SILENT: ExportEvents = {
  partRecorded: () => undefined,
  jobEnded: () => undefined,
  jobPostponed: () => undefined,
  failed: (what, error) => {
    throw new Error(`unexpected: ${what}`, { cause: error });
  },
};

const THROTTLE = { concurrency: 4, retries: 2, timeoutMs: 10_000 };

/** The source that `pagesOf` scripts. */
export function pagedSource(url: string, id: string | undefined = "/id"): ExportSource {
  return {
    kind: "pages",
    id,
    call: { url: `${url}/records`, method: "GET", headers: {} },
    paging: {
      items: "/items",
      next: { from: "body", pointer: "/next" },
      send: { to: "query", name: "page" },
      total: { from: "body", pointer: "/total" },
    },
    throttle: THROTTLE,
  };
}

export function linesSourceOf(url: string, id: string | undefined = "/id"): ExportSource {
  return {
    kind: "lines",
    id,
    call: { url: `${url}/lines`, method: "GET", headers: {} },
    throttle: THROTTLE,
  };
}

/** A source, a folder for the files, and instances of exports over one database. */
export class JobWorld {
  readonly source: ScriptedSource;
  readonly folder: string;
  readonly #database: Database;
  readonly #opened: Exports[] = [];

  static async open(database: Database, script: Script): Promise<JobWorld> {
    const folder = await mkdtemp(join(tmpdir(), "farebox-exports-"));
    return new JobWorld(database, await ScriptedSource.start(script), folder);
  }

  private constructor(database: Database, source: ScriptedSource, folder: string) {
    this.#database = database;
    this.source = source;
    this.folder = folder;
  }

  /** Another instance. By default it has one kind, of pages. */
  async instance(
    change: Partial<ExportKind> = {},
    options: Partial<ExportOptions> & { readonly storage?: ExportStorageTarget } = {},
  ): Promise<Exports> {
    const { storage = { kind: "folder", path: this.folder }, ...rest } = options;
    const exports = await openExports({
      database: this.#database,
      shards: SHARDS,
      events: SILENT,
      settings: {
        kinds: [kindOf({ source: pagedSource(this.source.url), ...change })],
        storage,
        workers: 4,
        workersPerAccount: 4,
      },
      ...rest,
    });
    this.#opened.push(exports);
    return exports;
  }

  async close(): Promise<void> {
    for (const exports of this.#opened) await exports.stop();
    await this.source.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Names of all files that lie in the folder, finished or not. */
  async files(): Promise<string[]> {
    const entries = await readdir(this.folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }
}

export async function createJob(
  exports: Exports,
  { accountId, shard }: PoolRef,
  change: Partial<AskedExport> = {},
): Promise<ExportJob> {
  const result = await exports.create({
    account: { accountId, shard },
    keyId: "key_1",
    kind: "people",
    request: { params: {}, body: "{}" },
    priceList: 1,
    ...change,
  });
  return result.kind === "created" ? result.job : assert.fail(JSON.stringify(result.kind));
}

/** Lets these instances work until the job is in one of these states. */
export async function workUntil(
  instances: readonly Exports[],
  job: ExportJob,
  ...states: readonly ExportState[]
): Promise<ExportJob> {
  const [first = assert.fail("an instance")] = instances;
  const giveUpAt = performance.now() + 60_000;
  for (;;) {
    for (const exports of instances) await exports.step();
    const now = (await first.read(job, job.exportId)) ?? assert.fail("it is there");
    if (states.includes(now.state)) return now;
    const isOver = ["failed", "cancelled", "expired", "charged"].includes(now.state);
    assert.ok(!isOver && performance.now() < giveUpAt, `it is ${now.state}: ${JSON.stringify(now.failure)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What a customer gets: all parts, each compared with its size and digest. */
export async function download(exports: Exports, job: ExportJob): Promise<string[]> {
  const result = await exports.files(job, job.exportId);
  if (result?.kind !== "files") return assert.fail(JSON.stringify(result?.kind));
  const texts: string[] = [];
  for (const part of result.parts) {
    const opened = await exports.open(job, job.exportId, part.part);
    if (opened?.kind !== "opened") return assert.fail("it can be opened");
    const bytes = await buffer(opened.stream);
    assert.equal(bytes.length, part.bytes);
    assert.equal(createHash("sha256").update(bytes).digest("hex"), part.sha256);
    texts.push((job.gzip ? gunzipSync(bytes) : bytes).toString());
  }
  return texts;
}

/** The ids of all records, in their order. */
export async function downloadIds(exports: Exports, job: ExportJob): Promise<number[]> {
  const lines = (await download(exports, job)).flatMap((text) => text.trimEnd().split("\n"));
  return lines.map((line) => (JSON.parse(line) as { id: number }).id);
}
