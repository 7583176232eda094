import type { Dispatcher } from "undici";
import type { ExportKind, ExportSettings } from "../../domain/export-kind.ts";
import type { Database } from "../../ledger/database/database.ts";
import { listExportWork, readExport } from "../../ledger/exports/read-exports.ts";
import {
  type ClaimedExport,
  claimExport,
  type ExportClaim,
  leaveExportFiles,
  listExportLeavings,
} from "../../ledger/exports/work-on-export.ts";
import type { ExportEvents } from "../export-events.ts";
import type { ExportStorage } from "../storage/storage.ts";
import { runJob } from "./job-run.ts";
import { removeObjects } from "./part-objects.ts";

/** Of a shard in one step. */
const LEAVINGS_AT_ONCE = 20;

/** Until files that could not be removed are tried again. */
const REMOVE_AGAIN_SECONDS = 300;

export interface WorkerOptions {
  readonly database: Database;
  readonly storage: ExportStorage;
  readonly dispatcher: Dispatcher;
  readonly settings: Pick<ExportSettings, "kinds" | "workers" | "workersPerAccount">;
  readonly shards: readonly number[];
  readonly events: ExportEvents;
  /** Who claims. */
  readonly owner: string;
  /** A worker that was silent for so long has lost its job to the others. */
  readonly claimSeconds: number;
}

/** Takes up jobs, as many as this instance has workers, and removes files that are over. */
export class ExportWorkers {
  readonly #options: WorkerOptions;
  readonly #kinds: ReadonlyMap<string, ExportKind>;
  readonly #underWay = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #wake: () => void = () => undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#kinds = new Map(options.settings.kinds.map((kind) => [kind.name, kind]));
  }

  onWork(wake: () => void): void {
    this.#wake = wake;
  }

  wake(): void {
    this.#wake();
  }

  /** True: it found something to do. */
  async step(): Promise<boolean> {
    if (this.#stop.signal.aborted) return false;
    const { database, shards } = this.#options;
    let found = false;
    for (const shard of shuffled(await listExportWork(database, shards, [...this.#kinds.keys()]))) {
      if (await this.#takeUp(shard)) found = true;
      if (await this.#clean(shard)) found = true;
    }
    return found;
  }

  /** Jobs under way go back to the queue behind their last part. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#underWay);
  }

  /** One job of the shard: then the others have their turn. */
  async #takeUp(shard: number): Promise<boolean> {
    const { database, settings, owner, claimSeconds } = this.#options;
    if (this.#underWay.size >= settings.workers || this.#stop.signal.aborted) return false;
    const claimed = await claimExport(database, shard, {
      owner,
      kinds: [...this.#kinds.keys()],
      seconds: claimSeconds,
      perAccount: settings.workersPerAccount,
    });
    if (claimed === undefined) return false;
    const run = this.#run(claimed).finally(() => {
      this.#underWay.delete(run);
      // Another one may have waited for the worker.
      this.#wake();
    });
    this.#underWay.add(run);
    return true;
  }

  async #run(claimed: ClaimedExport): Promise<void> {
    const { events, database } = this.#options;
    const { exportId, shard, kind: name } = claimed.job;
    try {
      const kind = this.#kinds.get(name);
      if (kind === undefined)
        throw new Error(`the export ${exportId} is of the kind ${name}, which was not asked for`);
      const end = await runJob(claimed, { ...this.#options, kind }, this.#stop.signal);
      if (end === "lost" || end === "queued") return;
      const job = await readExport(database, shard, exportId);
      if (job !== undefined) events.jobEnded(job);
    } catch (error) {
      events.failed(`the export ${exportId}`, error);
    }
  }

  async #clean(shard: number): Promise<boolean> {
    const leavings = await listExportLeavings(this.#options.database, shard, LEAVINGS_AT_ONCE);
    for (const claim of leavings) await this.#remove(claim);
    return leavings.length > 0;
  }

  async #remove(claim: ExportClaim): Promise<void> {
    const { storage, database, events } = this.#options;
    try {
      await removeObjects(storage, claim, new Set());
      await leaveExportFiles(database, claim, undefined);
    } catch (error) {
      events.failed(`the files of the export ${claim.exportId} could not be removed`, error);
      await leaveExportFiles(database, claim, REMOVE_AGAIN_SECONDS);
    }
  }
}

/** Instances that look at the same time begin at different ones. */
function shuffled(shards: readonly number[]): number[] {
  const from = Math.floor(Math.random() * Math.max(1, shards.length));
  return [...shards.slice(from), ...shards.slice(0, from)];
}
