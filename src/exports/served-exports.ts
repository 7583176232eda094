import { hash, randomBytes } from "node:crypto";
import type { ExportKind, ExportSettings } from "../domain/export-kind.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { formatUuidV7 } from "../domain/ids.ts";
import { canonicalJson } from "../domain/json/canonical-json.ts";
import { findJsonExcess } from "../domain/json/json-excess.ts";
import type { Database } from "../ledger/database/database.ts";
import type { Page } from "../ledger/database/page.ts";
import { cancelExport, chargeExport, createExport, retryExport } from "../ledger/exports/ask-for-export.ts";
import type {
  CancelExportResult,
  CreateExportResult,
  ExportJob,
  ExportRequest,
  RetryExportResult,
} from "../ledger/exports/export-job.ts";
import {
  findExport,
  listAllExports,
  listExports,
  listParts,
  readExport,
  readPart,
} from "../ledger/exports/read-exports.ts";
import type {
  AskedExport,
  ByteRange,
  ExportAccount,
  ExportQuery,
  Exports,
  ListFilesResult,
  OpenPartResult,
} from "./exports.ts";
import type { ExportStorage } from "./storage/storage.ts";
import type { ExportWorkers } from "./work/export-workers.ts";

const ID_RANDOM_BYTES = 10;

interface Served {
  readonly database: Database;
  readonly storage: ExportStorage;
  readonly settings: ExportSettings;
  readonly shards: readonly number[];
  readonly workers: ExportWorkers;
  /** How long an Idempotency-Key is kept. */
  readonly keyKeepSeconds: number;
  readonly close: () => Promise<void>;
}

/** See {@link Exports}. */
export class ServedExports implements Exports {
  readonly #served: Served;
  readonly #kinds: ReadonlyMap<string, ExportKind>;

  constructor(served: Served) {
    this.#served = served;
    this.#kinds = new Map(served.settings.kinds.map((kind) => [kind.name, kind]));
  }

  async create(asked: AskedExport): Promise<CreateExportResult> {
    const kind = this.#kindOf(asked.kind);
    const {
      account,
      keyId,
      request,
      priceList,
      idempotency,
      limit,
      policy = "all",
      format = kind.formats[0] ?? "jsonl",
    } = asked;
    const isLimited = limit !== undefined && limit <= kind.maxRecords;
    const canonical = canonicalRequest(kind, request);
    const result = await createExport(this.#served.database, {
      exportId: formatUuidV7(Date.now(), randomBytes(ID_RANDOM_BYTES)),
      ...account,
      keyId,
      kind,
      priceList,
      request,
      requestHash: kind.refuseDuplicates ? hash("sha256", canonical, "hex") : undefined,
      policy,
      format,
      maxRecords: isLimited ? Math.max(1, limit) : kind.maxRecords,
      whenMore: isLimited ? "stop" : kind.whenMore,
      idempotency: idempotency && { ...idempotency, keepSeconds: this.#served.keyKeepSeconds },
    });
    if (result.kind === "created") this.#served.workers.wake();
    return result;
  }

  async read(account: ExportAccount, exportId: string): Promise<ExportJob | undefined> {
    const job = await readExport(this.#served.database, account.shard, exportId);
    return job?.accountId === account.accountId ? job : undefined;
  }

  list(account: ExportAccount, query: ExportQuery): Promise<Page<ExportJob>> {
    return listExports(this.#served.database, account, query);
  }

  async files(account: ExportAccount, exportId: string): Promise<ListFilesResult | undefined> {
    const { database } = this.#served;
    let job = await this.read(account, exportId);
    if (job?.state === "ready") {
      const result = await chargeExport(database, job);
      if (result.kind === "short") return result;
      job = await this.read(account, exportId);
    }
    if (job === undefined) return undefined;
    if (job.state !== "charged") return { kind: "not ready", job };
    return { kind: "files", job, parts: await listParts(database, job) };
  }

  async open(
    account: ExportAccount,
    exportId: string,
    number: number,
    range?: ByteRange,
  ): Promise<OpenPartResult | undefined> {
    const { database, storage } = this.#served;
    const job = await this.read(account, exportId);
    if (job === undefined) return undefined;
    const part = job.state === "charged" ? await readPart(database, job, number) : undefined;
    if (part === undefined) return { kind: "unavailable", job };
    return { kind: "opened", part, stream: await storage.open(part.object, range) };
  }

  async cancel(account: ExportAccount, exportId: string): Promise<CancelExportResult | undefined> {
    const job = await this.read(account, exportId);
    if (job === undefined) return undefined;
    const result = await cancelExport(this.#served.database, job);
    this.#served.workers.wake();
    return result;
  }

  async retry(account: ExportAccount, exportId: string): Promise<RetryExportResult | undefined> {
    const job = await this.read(account, exportId);
    if (job === undefined) return undefined;
    const result = await retryExport(this.#served.database, job, this.#kindOf(job.kind));
    if (result.kind === "queued") this.#served.workers.wake();
    return result;
  }

  listAll(query: ExportQuery): Promise<Page<ExportJob>> {
    return listAllExports(this.#served.database, this.#served.shards, query);
  }

  find(exportId: string): Promise<ExportJob | undefined> {
    return findExport(this.#served.database, this.#served.shards, exportId);
  }

  step(): Promise<boolean> {
    return this.#served.workers.step();
  }

  onWork(wake: () => void): void {
    this.#served.workers.onWork(wake);
  }

  stop(): Promise<void> {
    return this.#served.close();
  }

  #kindOf(name: string): ExportKind {
    const kind = this.#kinds.get(name);
    if (kind !== undefined) return kind;
    throw new FareboxError("export_kind_unknown", `The configuration has no exports of the kind ${name}.`, {
      detail: { kind: name },
    });
  }
}

/** Two requests that ask for the same have the same. Throws FareboxError `export_request_invalid`. */
function canonicalRequest({ name }: ExportKind, { params, body }: ExportRequest): string {
  if (body === undefined) return canonicalJson({ kind: name, params });
  const excess = findJsonExcess(body);
  if (excess !== undefined) refuseRequest(`too much: it ${excess}`);
  try {
    return canonicalJson({ kind: name, params, body: JSON.parse(body) });
  } catch {
    return refuseRequest("no JSON");
  }
}

function refuseRequest(why: string): never {
  throw new FareboxError("export_request_invalid", `The body of an export's request is ${why}.`, {
    detail: { why },
  });
}
