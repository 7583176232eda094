import type { Credits } from "../../domain/credits.ts";
import type { ExportChargeAt, ExportFormat, ExportKind, ExportPolicy } from "../../domain/export-kind.ts";

/**
 * queued → running → ready (all parts are in, nothing is charged) → charged. failed and cancelled ones cost nothing and have no
 * files. expired: it was ready or charged, its files are gone.
 */
export type ExportState = "queued" | "running" | "ready" | "charged" | "failed" | "cancelled" | "expired";

/** What a customer asked for, as it came. */
export interface ExportRequest {
  /** Parameters of the path. */
  readonly params: Readonly<Record<string, string>>;
  /** JSON text as it was sent; undefined: none was. */
  readonly body?: string | undefined;
}

/** An export: a bulk job whose records are charged. */
export interface ExportJob {
  /** A UUID; also the request id of the charge's entry. */
  readonly exportId: string;
  readonly accountId: string;
  readonly shard: number;
  readonly creditType: string;
  readonly keyId: string;
  /** The name of its {@link ExportKind}. */
  readonly kind: string;
  readonly endpoint: string;
  readonly request: ExportRequest;
  readonly state: ExportState;
  readonly policy: ExportPolicy;
  readonly chargeAt: ExportChargeAt;
  readonly format: ExportFormat;
  readonly gzip: boolean;
  readonly partRecords: number;
  /** It has no more records: what was asked for, the kind's most, or what the pool covered. */
  readonly maxRecords: number;
  readonly whenMore: ExportKind["whenMore"];
  /** For one record. */
  readonly price: Credits;
  readonly priceList: number;
  /** What is set aside for it now. */
  readonly held: Credits;
  /** What the source says that there are; null: it has not said. */
  readonly expected: number | null;
  /** In the parts that are in. */
  readonly records: number;
  readonly bytes: number;
  readonly parts: number;
  /** Records that the source gave twice, or could not give: neither in the files nor charged. */
  readonly leftOut: number;
  /** Why it failed; of one that is queued or running: why it had to be tried again last. */
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly charge: ExportCharge | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly readyAt: Date | null;
  readonly chargedAt: Date | null;
  /** When it failed or was cancelled. */
  readonly endedAt: Date | null;
  /** Until when its files can be had; null until it is ready. */
  readonly expiresAt: Date | null;
}

interface ExportCharge {
  /** The pool's number for the entry; null when nothing was to be paid. */
  readonly seq: number | null;
  readonly charged: Credits;
  /** The pool's balance at its commit. */
  readonly balance: Credits;
}

/** A file of an export. */
export interface ExportPart {
  /** Counted from 1. */
  readonly part: number;
  /** Its name in the storage. Nobody outside sees it. */
  readonly object: string;
  readonly records: number;
  readonly bytes: number;
  /** SHA-256 of the file, hex. */
  readonly sha256: string;
  readonly createdAt: Date;
}

export interface NewExport {
  readonly exportId: string;
  readonly accountId: string;
  readonly shard: number;
  readonly keyId: string;
  readonly kind: ExportKind;
  readonly priceList: number;
  readonly request: ExportRequest;
  /** Of the request's canonical form, hex; undefined: duplicates are no matter. */
  readonly requestHash?: string | undefined;
  readonly policy: ExportPolicy;
  readonly format: ExportFormat;
  /** At most the kind's. */
  readonly maxRecords: number;
  readonly whenMore: ExportKind["whenMore"];
  /** Undefined: a repetition creates another one. */
  readonly idempotency?: ExportIdempotency | undefined;
}

/** An Idempotency-Key of the account. */
export interface ExportIdempotency {
  readonly key: string;
  /** Of the whole request, hex: another request under the key is refused. */
  readonly requestHash: string;
  readonly keepSeconds: number;
}

/** The pool, or a cap of the key, does not cover it. `recalled`: instances were asked for what they lease, a retry may succeed. */
export interface ExportShort {
  readonly kind: "short";
  readonly needed: Credits;
  readonly available: Credits;
  readonly recalled: boolean;
}

/** Why an export may not begin, or begin again. */
export type RefusedExport =
  /** An identical one is queued or running. */
  | { readonly kind: "duplicate"; readonly exportId: string }
  | ExportShort
  /** The account has as many as it may have of open ones, or with files. */
  | { readonly kind: "too many"; readonly which: "open" | "kept"; readonly limit: number };

export type CreateExportResult =
  | { readonly kind: "created"; readonly job: ExportJob }
  /** Its Idempotency-Key has created this one before. */
  | { readonly kind: "repeated"; readonly job: ExportJob }
  /** Its Idempotency-Key was used for another request, or another kind of request is running under it. */
  | { readonly kind: "key mismatch" }
  | { readonly kind: "key in progress" }
  | RefusedExport;

export type ChargeExportResult =
  | ({ readonly kind: "charged" } & ExportCharge)
  | ExportShort
  /** Not ready yet, or failed, cancelled, expired. */
  | { readonly kind: "not ready"; readonly state: ExportState };

export type CancelExportResult =
  | { readonly kind: "cancelled"; readonly job: ExportJob }
  /** It was charged, failed or has expired. */
  | { readonly kind: "finished"; readonly state: ExportState };

export type RetryExportResult =
  | { readonly kind: "queued"; readonly job: ExportJob }
  /** Only a failed one can be retried. */
  | { readonly kind: "not failed"; readonly state: ExportState }
  | RefusedExport;
