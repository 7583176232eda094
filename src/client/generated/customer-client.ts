// Made by `npm run generate` from the customer API's own schemas. Not to be edited.
import type { RequestOptions } from "../transport.ts";
import type {
  Balances,
  Call,
  CancelExportInput,
  CreateKeyInput,
  CreatedKey,
  EntryPage,
  Export,
  ExportFiles,
  ExportPage,
  GetCallInput,
  GetExportInput,
  GetOverviewInput,
  GetUsageInput,
  Key,
  KeyPage,
  ListEntriesInput,
  ListExportFilesInput,
  ListExportsInput,
  ListKeysInput,
  Overview,
  Permissions,
  Prices,
  Quote,
  QuoteInput,
  RevokeKeyInput,
  RotateKeyInput,
  UpdateKeyInput,
  Usage,
} from "../generated/customer-types.ts";

/** One method for each operation of the customer API. */
export interface CustomerClient {
  /** Read balances, the last 30 days of usage, limits and announced prices at once. `GET /v1/credits/overview` */
  readonly getOverview: (input?: GetOverviewInput, options?: RequestOptions) => Promise<Overview>;
  /** Read the balances of all pools, their next refresh and their grants. `GET /v1/credits/balances` */
  readonly getBalances: (input?: Readonly<Record<string, never>>, options?: RequestOptions) => Promise<Balances>;
  /** Read what the account used, by time, endpoint, key and credit type. `GET /v1/credits/usage` */
  readonly getUsage: (input?: GetUsageInput, options?: RequestOptions) => Promise<Usage>;
  /** The same as CSV, as a stream of all lines. */
  readonly getUsageCsv: (input?: GetUsageInput, options?: RequestOptions) => Promise<ReadableStream<Uint8Array>>;
  /** List the lines of a pool's statement, the newest first. `GET /v1/credits/entries` */
  readonly listEntries: (input?: ListEntriesInput, options?: RequestOptions) => Promise<EntryPage>;
  /** The same as CSV, as a stream of all lines. */
  readonly listEntriesCsv: (input?: ListEntriesInput, options?: RequestOptions) => Promise<ReadableStream<Uint8Array>>;
  /** Explain one call: its price, what was held, charged and refunded. `GET /v1/credits/calls/{call}` */
  readonly getCall: (input: GetCallInput, options?: RequestOptions) => Promise<Call>;
  /** Read which endpoints the calling key may call and at what price, its caps and its expiry. `GET /v1/credits/permissions` */
  readonly getPermissions: (input?: Readonly<Record<string, never>>, options?: RequestOptions) => Promise<Permissions>;
  /** List the prices in force, and those that are announced with what they change. `GET /v1/credits/prices` */
  readonly listPrices: (input?: Readonly<Record<string, never>>, options?: RequestOptions) => Promise<Prices>;
  /** Price a request without running it. `POST /v1/credits/quote` */
  readonly quote: (input: QuoteInput, options?: RequestOptions) => Promise<Quote>;
  /** List the account's exports, the newest first. `GET /v1/credits/exports` */
  readonly listExports: (input?: ListExportsInput, options?: RequestOptions) => Promise<ExportPage>;
  /** Read how far an export is, what it has and what it costs. `GET /v1/credits/exports/{export}` */
  readonly getExport: (input: GetExportInput, options?: RequestOptions) => Promise<Export>;
  /** List an export's files, with download links; charges what was not charged before. `GET /v1/credits/exports/{export}/files` */
  readonly listExportFiles: (input: ListExportFilesInput, options?: RequestOptions) => Promise<ExportFiles>;
  /** End an export before it is charged; it costs nothing. `POST /v1/credits/exports/{export}/cancel` */
  readonly cancelExport: (input: CancelExportInput, options?: RequestOptions) => Promise<Export>;
  /** List the keys of the account, the newest first. `GET /v1/credits/keys` */
  readonly listKeys: (input?: ListKeysInput, options?: RequestOptions) => Promise<KeyPage>;
  /** Create a key of the account; its text is in this answer only. `POST /v1/credits/keys` */
  readonly createKey: (input?: CreateKeyInput, options?: RequestOptions) => Promise<CreatedKey>;
  /** Change a key's name, scopes, addresses, caps or expiry. `PATCH /v1/credits/keys/{key}` */
  readonly updateKey: (input: UpdateKeyInput, options?: RequestOptions) => Promise<Key>;
  /** Give a key a new text; the former one works until its grace ends. `POST /v1/credits/keys/{key}/rotate` */
  readonly rotateKey: (input: RotateKeyInput, options?: RequestOptions) => Promise<CreatedKey>;
  /** Revoke a key for good; it is refused within 5 seconds. `POST /v1/credits/keys/{key}/revoke` */
  readonly revokeKey: (input: RevokeKeyInput, options?: RequestOptions) => Promise<Key>;
}
