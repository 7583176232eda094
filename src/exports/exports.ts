import type { Readable } from "node:stream";
import type { ExportFormat, ExportPolicy } from "../domain/export-kind.ts";
import type { Page, PageRequest } from "../ledger/database/page.ts";
import type {
  CancelExportResult,
  CreateExportResult,
  ExportIdempotency,
  ExportJob,
  ExportPart,
  ExportRequest,
  ExportShort,
  ExportState,
  RetryExportResult,
} from "../ledger/exports/export-job.ts";

/** Who asks: an account, as a key's record or the accounts' list tells it. */
export interface ExportAccount {
  readonly accountId: string;
  readonly shard: number;
}

/** What a door asks for on behalf of a key. */
export interface AskedExport {
  readonly account: ExportAccount;
  readonly keyId: string;
  /** The name of the kind. */
  readonly kind: string;
  readonly request: ExportRequest;
  /** Undefined: the kind's first. */
  readonly format?: ExportFormat | undefined;
  /** Undefined: `all`. A job with `covered` is charged at its completion. */
  readonly policy?: ExportPolicy | undefined;
  /** At most so many records, and no failure when there are more. Undefined: the kind's most, and what it says. */
  readonly limit?: number | undefined;
  /** The price list in force. */
  readonly priceList: number;
  /** Undefined: a repetition creates another one. */
  readonly idempotency?: Pick<ExportIdempotency, "key" | "requestHash"> | undefined;
}

export type ListFilesResult =
  | { readonly kind: "files"; readonly job: ExportJob; readonly parts: readonly ExportPart[] }
  /** Nothing was charged: the job is kept, and the same call works when the credits are there. */
  | ExportShort
  | { readonly kind: "not ready"; readonly job: ExportJob };

/** Bytes of a part, `last` included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export type OpenPartResult =
  | { readonly kind: "opened"; readonly part: ExportPart; readonly stream: Readable }
  /** The job is not charged, its files are gone, or it has no such part. */
  | { readonly kind: "unavailable"; readonly job: ExportJob };

export interface ExportQuery extends PageRequest {
  readonly states?: readonly ExportState[] | undefined;
}

/** Exports, as doors use them. Any call may reject with FareboxError `storage_unavailable` (retryable). */
export interface Exports {
  /** Throws FareboxError `export_kind_unknown`, `export_request_invalid` (no JSON, or too deep), `account_unknown`, `key_unknown`. */
  create(asked: AskedExport): Promise<CreateExportResult>;
  /** Undefined: the account has none with this id. */
  read(account: ExportAccount, exportId: string): Promise<ExportJob | undefined>;
  /** Newest first. Throws FareboxError `cursor_invalid`. */
  list(account: ExportAccount, query: ExportQuery): Promise<Page<ExportJob>>;
  /** The files of a job; charges it first when it is ready. Undefined: unknown. */
  files(account: ExportAccount, exportId: string): Promise<ListFilesResult | undefined>;
  /**
   * A part, or a range of it that lies within it. Undefined: unknown. Rejects with FareboxError `export_storage_failed`. The stream
   * has what was asked for to the byte, or fails; whoever gets it must read or destroy it. Nothing is charged here.
   */
  open(
    account: ExportAccount,
    exportId: string,
    part: number,
    range?: ByteRange,
  ): Promise<OpenPartResult | undefined>;
  cancel(account: ExportAccount, exportId: string): Promise<CancelExportResult | undefined>;
  /** Throws FareboxError `export_kind_unknown` when the configuration has its kind no more. */
  retry(account: ExportAccount, exportId: string): Promise<RetryExportResult | undefined>;
  /** Operators': of all accounts, newest first. Throws FareboxError `cursor_invalid`. */
  listAll(query: ExportQuery): Promise<Page<ExportJob>>;
  /** Operators': by its id alone. */
  find(exportId: string): Promise<ExportJob | undefined>;
  /** Does what is due: takes up jobs, removes files that are over. True: it found something to do. */
  step(): Promise<boolean>;
  /** Called when `step` would find something to do at once. */
  onWork(wake: () => void): void;
  /** Jobs under way are left between two parts, for others to go on with. */
  stop(): Promise<void>;
}
