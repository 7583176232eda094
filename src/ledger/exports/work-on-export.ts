import type { Database, Queryable } from "../database/database.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import type { ExportJob } from "./export-job.ts";
import { readExport } from "./read-exports.ts";

/** A worker's hold on an export: what it writes counts while no other has claimed it since. */
export interface ExportClaim {
  readonly exportId: string;
  readonly shard: number;
  readonly claim: number;
}

/** An export that was claimed, and where it goes on. */
export interface ClaimedExport {
  readonly claim: ExportClaim;
  readonly job: ExportJob;
  /** Where the source goes on; undefined: at its start. */
  readonly place: string | undefined;
  /** Bytes of the records so far, before they were compressed. */
  readonly sourceBytes: number;
  /** Claims that ended without a part since the last one. */
  readonly attempts: number;
  /** By the database's clock, since it was created or last begun again. */
  readonly ageMs: number;
  /** Names of the parts that are recorded. */
  readonly objects: readonly string[];
}

export interface ClaimOptions {
  /** Who claims: for operators to see. */
  readonly owner: string;
  readonly kinds: readonly string[];
  readonly seconds: number;
  readonly perAccount: number;
}

/** The next export of a shard that is to be worked on; undefined: none. */
export async function claimExport(
  database: Database,
  shard: number,
  { owner, kinds, seconds, perAccount }: ClaimOptions,
): Promise<ClaimedExport | undefined> {
  const [row] = await database.query<{ claimed: { exportId: string; claim: number } | null }>(
    { name: "claim-export", text: "SELECT farebox.claim_export($1, $2, $3, $4, $5) AS claimed" },
    [shard, owner, kinds, seconds, perAccount],
  );
  const claimed = row?.claimed ?? null;
  if (claimed === null) return undefined;
  const job = await readExport(database, shard, claimed.exportId);
  const [at] = await database.query<{
    place: string | null;
    sourceBytes: bigint;
    attempts: number;
    ageMs: bigint;
  }>(
    `SELECT place, source_bytes AS "sourceBytes", attempts,
       (extract(epoch FROM statement_timestamp() - begun_at) * 1000)::bigint AS "ageMs"
     FROM farebox.exports WHERE export_id = $1 AND shard = $2`,
    [claimed.exportId, shard],
  );
  if (job === undefined || at === undefined) throw new Error(`the export ${claimed.exportId} has gone`);
  const parts = await database.query<{ object: string }>(
    "SELECT object FROM farebox.export_parts WHERE export_id = $1 AND shard = $2 ORDER BY part",
    [claimed.exportId, shard],
  );
  return {
    claim: { ...claimed, shard },
    job,
    place: at.place ?? undefined,
    sourceBytes: Number(at.sourceBytes),
    attempts: at.attempts,
    ageMs: Number(at.ageMs),
    objects: parts.map(({ object }) => object),
  };
}

/** The hashes of the ids in each recorded part, one part after the other: all of them would be much at once. */
export async function* readExportIds(
  db: Queryable,
  { exportId, shard }: ExportClaim,
): AsyncGenerator<Uint8Array> {
  for (let part = 1; ; part += 1) {
    const [row] = await db.query<{ ids: Uint8Array | null }>(
      "SELECT ids FROM farebox.export_parts WHERE export_id = $1 AND shard = $2 AND part = $3",
      [exportId, shard, part],
    );
    if (row === undefined) return;
    if (row.ids !== null) yield row.ids;
  }
}

/** False: the claim is lost, to another worker or because the export was cancelled. */
export async function beatExport(
  db: Queryable,
  { exportId, shard, claim }: ExportClaim,
  seconds: number,
): Promise<boolean> {
  const call = { name: "beat-export", text: "SELECT farebox.beat_export($1, $2, $3, $4) AS reply" };
  return (await ask<"running" | "lost">(db, call, [shard, exportId, claim, seconds])) === "running";
}

/** A part that is in the storage. */
export interface WrittenPart {
  readonly part: number;
  readonly object: string;
  readonly records: number;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  /** Where the source goes on behind its last record. */
  readonly place: string;
  readonly expected: number | undefined;
  /** In all. */
  readonly leftOut: number;
  readonly sourceBytes: number;
  /** Eight bytes for each record that has an id. */
  readonly ids: Uint8Array | undefined;
}

/** Records a part, once however often it is called. False: the claim is lost, the part does not count. */
export async function recordExportPart(
  db: Queryable,
  { exportId, shard, claim }: ExportClaim,
  seconds: number,
  { ids, ...part }: WrittenPart,
): Promise<boolean> {
  const call = {
    name: "record-export-part",
    text: "SELECT farebox.record_export_part($1, $2, $3, $4, $5, $6) AS reply",
  };
  const params = [shard, exportId, claim, seconds, JSON.stringify(part), ids ?? null];
  return (await ask<"recorded" | "lost">(db, call, params)) === "recorded";
}

/** Makes it ready, and charges it where that is due now. `lost`: the claim is. Safe to repeat. */
export async function finishExport(
  db: Queryable,
  job: ExportJob,
  { exportId, shard, claim }: ExportClaim,
  leftOut: number,
): Promise<"ready" | "charged" | "lost"> {
  const { accountNo, typeNo } = await poolKeyOf(db, job);
  const call = {
    name: "finish-export",
    text: "SELECT farebox.finish_export($1, $2, $3, $4, $5, $6) AS reply",
  };
  return await ask(db, call, [shard, exportId, claim, accountNo, typeNo, leftOut]);
}

/** Why a claim ends without its export being done. */
export interface ExportFailure {
  /** Null: nothing went wrong. */
  readonly code: string | null;
  readonly message: string;
  /** When it goes on; undefined: it has failed. */
  readonly retryInMs: number | undefined;
  /** As one of the attempts that it has without a part. */
  readonly counts: boolean;
}

const MAX_MESSAGE = 500;

/** `lost`: the claim is. Safe to repeat. */
export async function failExport(
  db: Queryable,
  job: ExportJob,
  { exportId, shard, claim }: ExportClaim,
  { code, message, retryInMs, counts }: ExportFailure,
): Promise<"queued" | "failed" | "lost"> {
  const { accountNo, typeNo } = await poolKeyOf(db, job);
  const call = {
    name: "fail-export",
    text: "SELECT farebox.fail_export($1, $2, $3, $4, $5, $6, $7, $8, $9) AS reply",
  };
  // A text from elsewhere: Postgres has no NUL in a text.
  const text = message.slice(0, MAX_MESSAGE).replaceAll("\0", "");
  return await ask(db, call, [
    shard,
    exportId,
    claim,
    accountNo,
    typeNo,
    code,
    text,
    retryInMs === undefined ? null : Math.round(retryInMs),
    counts,
  ]);
}

/** Exports of a shard whose files are to be removed: what claims up to this one wrote. */
export async function listExportLeavings(
  db: Queryable,
  shard: number,
  limit: number,
): Promise<ExportClaim[]> {
  const found = await ask<readonly (readonly [string, number])[]>(
    db,
    { name: "export-leavings", text: "SELECT farebox.list_export_leavings($1, $2) AS reply" },
    [shard, limit],
  );
  return found.map(([exportId, claim]) => ({ exportId, shard, claim }));
}

/** The files are gone, or are tried again after so many seconds. */
export async function leaveExportFiles(
  db: Queryable,
  { exportId, shard, claim }: ExportClaim,
  retrySeconds: number | undefined,
): Promise<void> {
  await ask(db, "SELECT farebox.leave_export_files($1, $2, $3, $4) AS reply", [
    shard,
    exportId,
    claim,
    retrySeconds ?? null,
  ]);
}

async function ask<R>(
  db: Queryable,
  statement: Parameters<Queryable["query"]>[0],
  params: Parameters<Queryable["query"]>[1],
): Promise<R> {
  const [row] = await db.query<{ reply: R }>(statement, params);
  if (row === undefined) throw new Error("a function of exports returned nothing");
  return row.reply;
}
