import { Agent, type Dispatcher } from "undici";
import type { ExportSettings } from "../domain/export-kind.ts";
import type { Database } from "../ledger/database/database.ts";
import type { ExportEvents } from "./export-events.ts";
import type { Exports } from "./exports.ts";
import { ServedExports } from "./served-exports.ts";
import { openStorage } from "./storage/open-storage.ts";
import { ExportWorkers } from "./work/export-workers.ts";

/** A worker that was silent for so long has lost its job to the others. */
const CLAIM_SECONDS = 30;

const DAY_SECONDS = 86_400;

export interface ExportOptions {
  readonly database: Database;
  readonly settings: ExportSettings;
  /** Accounts' shards: 0 to this, not included. */
  readonly shards: number;
  readonly events: ExportEvents;
  /** Who works, for operators to see; undefined: this process. */
  readonly owner?: string | undefined;
  /** Speaks to the upstreams; ended by `close`. Undefined: one without certificates. */
  readonly dispatcher?: Dispatcher | undefined;
  /** How long an Idempotency-Key is kept. Undefined: a day. */
  readonly keyKeepSeconds?: number | undefined;
  /** Undefined: 30. */
  readonly claimSeconds?: number | undefined;
}

/** Exports for the doors, and the workers that carry them out. `step` is to be called again and again. */
export async function openExports({
  database,
  settings,
  shards: count,
  events,
  owner = `process ${process.pid}`,
  claimSeconds = CLAIM_SECONDS,
  dispatcher = new Agent({ connections: null }),
  keyKeepSeconds = DAY_SECONDS,
}: ExportOptions): Promise<Exports> {
  const storage = await openStorage(settings.storage);
  const shards = Array.from({ length: count }, (_, shard) => shard);
  const workers = new ExportWorkers({
    database,
    storage,
    dispatcher,
    settings,
    shards,
    events,
    owner,
    claimSeconds,
  });
  const close = async (): Promise<void> => {
    await workers.stop();
    await dispatcher.destroy();
    storage.close();
  };
  return new ServedExports({ database, storage, settings, shards, workers, keyKeepSeconds, close });
}
