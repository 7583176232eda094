import type { Credits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { orUnknownAccount } from "../accounts/unknown-account.ts";
import type { Database, Queryable, Transaction } from "../database/database.ts";
import { Numbers } from "../instance/numbers.ts";
import { untilCovered } from "../instance/until-covered.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import type {
  CancelExportResult,
  ChargeExportResult,
  CreateExportResult,
  ExportJob,
  NewExport,
  RefusedExport,
  RetryExportResult,
} from "./export-job.ts";
import { readExport } from "./read-exports.ts";

/** As the functions answer. Amounts are micro-credits, at most 2 × 10^15, which a JSON number holds exactly. */
type Refused =
  | { readonly outcome: "duplicate"; readonly exportId: string }
  | { readonly outcome: "too_many"; readonly which: "open" | "kept"; readonly limit: number }
  | {
      readonly outcome: "short";
      readonly needed: number;
      readonly available: number;
      readonly recalled: boolean;
    };

interface Repeated {
  readonly outcome: "repeated";
  readonly exportId: string;
}

type Reply<Done extends string> = Refused | (Done extends string ? { readonly outcome: Done } : never);

/**
 * Creates an export, once for its id and once for its Idempotency-Key, and sets credits aside for its most records where it is
 * charged at completion. Credits that instances lease are asked back and waited for. Throws FareboxError `account_unknown`, `key_unknown`.
 */
export async function createExport(database: Database, job: NewExport): Promise<CreateExportResult> {
  const named = { accountId: job.accountId, creditType: job.kind.creditType, shard: job.shard };
  const numbers = new Numbers();
  await numbers.learn(database, [{ ...named, keyId: job.keyId, endpoint: job.kind.endpoint }]);
  const { accountNo, typeNo } = numbers.poolOf(named);
  const keyNo = numbers.keyOf(job.keyId);
  if (keyNo === undefined) refuseKey(job.keyId);
  const columns = JSON.stringify(
    renderColumns(job, { keyNo, endpointNo: numbers.endpointOf(job.kind.endpoint) }),
  );
  const call = {
    name: "create-export",
    text: "SELECT farebox.create_export($1, $2, $3, $4, $5, $6) AS reply",
  };
  const reply = await untilCovered((isLast) =>
    ask<Reply<"created" | "key_mismatch" | "key_in_progress"> | Repeated>(
      database,
      call,
      [job.shard, job.exportId, accountNo, typeNo, isLast, columns],
      job.accountId,
    ),
  );
  if (reply.outcome === "created") return { kind: "created", job: await readKnown(database, job) };
  if (reply.outcome === "repeated") {
    return { kind: "repeated", job: await readKnown(database, { ...job, exportId: reply.exportId }) };
  }
  if (reply.outcome === "key_mismatch") return { kind: "key mismatch" };
  return reply.outcome === "key_in_progress" ? { kind: "key in progress" } : renderRefusal(reply);
}

function renderColumns(
  { kind, request, idempotency: key, ...job }: NewExport,
  { keyNo, endpointNo }: { readonly keyNo: number; readonly endpointNo: number },
): Readonly<Record<string, unknown>> {
  return {
    key_no: keyNo,
    endpoint_no: endpointNo,
    price_list: job.priceList,
    price: String(kind.price),
    max_records: job.maxRecords,
    part_records: kind.partRecords,
    keep_seconds: kind.keepSeconds,
    kind: kind.name,
    policy: job.policy,
    // What it may have depends on what was set aside for it.
    charge_at: job.policy === "covered" ? "completion" : kind.charge,
    when_more: job.whenMore,
    format: job.format,
    gzip: kind.gzip,
    params: request.params,
    body: request.body,
    request_hash: job.requestHash,
    max_open: kind.maxOpen,
    max_kept: kind.maxKept,
    key: key && { key: key.key, request_hash: key.requestHash, keep_seconds: key.keepSeconds },
  };
}

/** Charges an export that is ready, once however often it is called, in one transaction with its state. */
export async function chargeExport(database: Database, job: ExportJob): Promise<ChargeExportResult> {
  const key = await poolKeyOf(database, job);
  const call = { name: "charge-export", text: "SELECT farebox.charge_export($1, $2, $3, $4) AS reply" };
  const reply = await untilCovered(() =>
    ask<Reply<"charged" | "not_ready">>(
      database,
      call,
      [key.shard, job.exportId, key.accountNo, key.typeNo],
      job.accountId,
    ),
  );
  if (reply.outcome === "short") return renderShort(reply);
  const { state, charge } = await readKnown(database, job);
  if (reply.outcome !== "charged" || charge === null) return { kind: "not ready", state };
  return { kind: "charged", ...charge };
}

/** Ends an export that is not charged; it costs nothing. Safe to repeat. */
export async function cancelExport(database: Queryable, job: ExportJob): Promise<CancelExportResult> {
  const key = await poolKeyOf(database, job);
  const reply = await ask<{ readonly outcome: "cancelled" | "finished" }>(
    database,
    "SELECT farebox.cancel_export($1, $2, $3, $4) AS reply",
    [key.shard, job.exportId, key.accountNo, key.typeNo],
    job.accountId,
  );
  const now = await readKnown(database, job);
  return reply.outcome === "cancelled"
    ? { kind: "cancelled", job: now }
    : { kind: "finished", state: now.state };
}

/** Begins a failed export from its start, with credits set aside anew. */
export async function retryExport(
  database: Database,
  job: ExportJob,
  limits: { readonly maxOpen: number; readonly maxKept: number },
): Promise<RetryExportResult> {
  const key = await poolKeyOf(database, job);
  const call = { name: "retry-export", text: "SELECT farebox.retry_export($1, $2, $3, $4, $5, $6) AS reply" };
  const params = [key.shard, job.exportId, key.accountNo, key.typeNo, limits.maxOpen, limits.maxKept];
  const reply = await untilCovered(() =>
    ask<Reply<"queued" | "not_failed">>(database, call, params, job.accountId),
  );
  if (reply.outcome === "queued") return { kind: "queued", job: await readKnown(database, job) };
  if (reply.outcome === "not_failed") {
    return { kind: "not failed", state: (await readKnown(database, job)).state };
  }
  return renderRefusal(reply);
}

/** As {@link retryExport}, asked once: within a transaction nobody may wait for what others give back. */
export async function retryExportOnce(
  tx: Transaction,
  job: ExportJob,
  limits: { readonly maxOpen: number; readonly maxKept: number },
): Promise<RetryExportResult> {
  const key = await poolKeyOf(tx, job);
  const reply = await ask<Reply<"queued" | "not_failed">>(
    tx,
    { name: "retry-export", text: "SELECT farebox.retry_export($1, $2, $3, $4, $5, $6) AS reply" },
    [key.shard, job.exportId, key.accountNo, key.typeNo, limits.maxOpen, limits.maxKept],
    job.accountId,
  );
  if (reply.outcome === "queued") return { kind: "queued", job: await readKnown(tx, job) };
  if (reply.outcome === "not_failed") return { kind: "not failed", state: (await readKnown(tx, job)).state };
  return renderRefusal(reply);
}

async function ask<R>(
  database: Queryable,
  statement: Parameters<Queryable["query"]>[0],
  params: Parameters<Queryable["query"]>[1],
  accountId: string,
): Promise<R> {
  const [row] = await orUnknownAccount(accountId, () => database.query<{ reply: R }>(statement, params));
  if (row === undefined) throw new Error("a function of exports returned nothing");
  return row.reply;
}

/** Exports are never deleted. */
async function readKnown(
  database: Queryable,
  { exportId, shard }: Pick<ExportJob, "exportId" | "shard">,
): Promise<ExportJob> {
  const job = await readExport(database, shard, exportId);
  if (job === undefined) throw new Error(`the export ${exportId} has gone`);
  return job;
}

function renderRefusal(reply: Refused): RefusedExport {
  if (reply.outcome === "duplicate") return { kind: "duplicate", exportId: reply.exportId };
  if (reply.outcome === "too_many") return { kind: "too many", which: reply.which, limit: reply.limit };
  return renderShort(reply);
}

function renderShort(reply: Extract<Refused, { readonly outcome: "short" }>): {
  readonly kind: "short";
  readonly needed: Credits;
  readonly available: Credits;
  readonly recalled: boolean;
} {
  return {
    kind: "short",
    needed: BigInt(reply.needed),
    available: BigInt(reply.available),
    recalled: reply.recalled,
  };
}

function refuseKey(keyId: string): never {
  throw new FareboxError("key_unknown", `There is no key ${keyId}.`, { detail: { keyId } });
}
