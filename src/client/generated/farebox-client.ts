// Made by `npm run generate` from the operator API's own schemas. Not to be edited.
import type { RequestOptions } from "../transport.ts";
import type {
  Account,
  AccountPage,
  AccountPrices,
  AccountPricesPage,
  Adjustment,
  AssignPlanInput,
  Audit,
  AuditTrailPage,
  Balances,
  BulkRefund,
  BulkRefundPage,
  Call,
  CancelAccountPricesInput,
  CancelBulkRefundInput,
  CancelExportInput,
  CancelPlanInput,
  CancelPriceListInput,
  CloseAccountInput,
  ConsoleLink,
  CreateAccountInput,
  CreateAdjustmentInput,
  CreateBulkRefundInput,
  CreateConsoleLinkInput,
  CreateGrantInput,
  CreateKeyInput,
  CreatePortalLinkInput,
  CreateRefundInput,
  CreateRequestRefundInput,
  CreateTokenInput,
  CreatedKey,
  CreatedToken,
  EndAccountSessionsInput,
  EndSessionInput,
  EndedSession,
  EndedSessions,
  EntryPage,
  Export,
  ExportPage,
  ExtendLongHoldInput,
  GetAccountInput,
  GetAllUsageInput,
  GetBalancesInput,
  GetBulkRefundInput,
  GetCallInput,
  GetExportInput,
  GetKeyInput,
  GetKeyPermissionsInput,
  GetMonthReportInput,
  GetPriceListDiffInput,
  GetPriceListInput,
  GetRefusalReportInput,
  GetUsageInput,
  Grant,
  Health,
  HoldPage,
  ImportKeysInput,
  ImportedKeys,
  Instance,
  KeepPlanInput,
  Key,
  KeyPage,
  KeyPermissions,
  ListAccountPricesInput,
  ListAccountsInput,
  ListAuditTrailInput,
  ListBulkRefundsInput,
  ListEntriesInput,
  ListExportsInput,
  ListHoldsInput,
  ListKeysInput,
  ListLongHoldsInput,
  ListPriceListsInput,
  ListRunningOutInput,
  ListSessionsInput,
  ListTokensInput,
  LongHold,
  LongHoldPage,
  MonthReport,
  Plans,
  PortalLink,
  PreviewBulkRefundInput,
  PriceList,
  PriceListDiff,
  PriceListPage,
  PriceSchedule,
  Publication,
  PublishAccountPricesInput,
  PublishPriceListInput,
  Refund,
  RefundPreview,
  RefusalReport,
  ReleaseLongHoldInput,
  ReleasedLongHold,
  ResumeAccountInput,
  RetryExportInput,
  RevokeKeyInput,
  RevokeTokenInput,
  RotateKeyInput,
  RunAuditInput,
  RunningOutPage,
  SearchKeysInput,
  Self,
  SessionPage,
  SimulatePricesInput,
  Simulation,
  SoughtKeys,
  SuspendAccountInput,
  Token,
  TokenPage,
  UpdateAccountInput,
  UpdateKeyInput,
  Usage,
} from "../generated/types.ts";

/** One method for each operation of the operator API. */
export interface FareboxClient {
  /** Create an account, with the recurring grants of a plan if one is named. `POST /v1/accounts` */
  readonly createAccount: (input: CreateAccountInput, options?: RequestOptions) => Promise<Account>;
  /** List and search accounts. `GET /v1/accounts` */
  readonly listAccounts: (input?: ListAccountsInput, options?: RequestOptions) => Promise<AccountPage>;
  /** The same as CSV, as a stream of all lines. */
  readonly listAccountsCsv: (input?: ListAccountsInput, options?: RequestOptions) => Promise<ReadableStream<Uint8Array>>;
  /** Read an account. `GET /v1/accounts/{account}` */
  readonly getAccount: (input: GetAccountInput, options?: RequestOptions) => Promise<Account>;
  /** Change an account's name, or members of its metadata. `PATCH /v1/accounts/{account}` */
  readonly updateAccount: (input: UpdateAccountInput, options?: RequestOptions) => Promise<Account>;
  /** Refuse all keys of an account until it is resumed; every instance does within 5 seconds. `POST /v1/accounts/{account}/suspend` */
  readonly suspendAccount: (input: SuspendAccountInput, options?: RequestOptions) => Promise<Account>;
  /** Let the keys of a suspended account work again. `POST /v1/accounts/{account}/resume` */
  readonly resumeAccount: (input: ResumeAccountInput, options?: RequestOptions) => Promise<Account>;
  /** Close an account for good; its balance stays on the books. `POST /v1/accounts/{account}/close` */
  readonly closeAccount: (input: CloseAccountInput, options?: RequestOptions) => Promise<Account>;
  /** List what is set aside of an account's pools right now. `GET /v1/accounts/{account}/holds` */
  readonly listHolds: (input: ListHoldsInput, options?: RequestOptions) => Promise<HoldPage>;
  /** List an account's holds for jobs of hours, the newest first. `GET /v1/accounts/{account}/long-holds` */
  readonly listLongHolds: (input: ListLongHoldsInput, options?: RequestOptions) => Promise<LongHoldPage>;
  /** End a hold for a job of hours by hand: what it holds is free, and it cannot be settled any more. `POST /v1/accounts/{account}/long-holds/{hold}/release` */
  readonly releaseLongHold: (input: ReleaseLongHoldInput, options?: RequestOptions) => Promise<ReleasedLongHold>;
  /** Let a hold for a job of hours live for so long from now on. `POST /v1/accounts/{account}/long-holds/{hold}/extend` */
  readonly extendLongHold: (input: ExtendLongHoldInput, options?: RequestOptions) => Promise<LongHold>;
  /** Make a link that signs a customer in to the portal, once. `POST /v1/accounts/{account}/portal-links` */
  readonly createPortalLink: (input: CreatePortalLinkInput, options?: RequestOptions) => Promise<PortalLink>;
  /** Create a key of an account; its text is in this answer only. `POST /v1/accounts/{account}/keys` */
  readonly createKey: (input: CreateKeyInput, options?: RequestOptions) => Promise<CreatedKey>;
  /** List the keys of an account, the newest first. `GET /v1/accounts/{account}/keys` */
  readonly listKeys: (input: ListKeysInput, options?: RequestOptions) => Promise<KeyPage>;
  /** Import keys that exist already, by their texts or hashes; again changes nothing. `POST /v1/accounts/{account}/keys/import` */
  readonly importKeys: (input: ImportKeysInput, options?: RequestOptions) => Promise<ImportedKeys>;
  /** Find whose a key is, by its text or its hint; changes nothing. `POST /v1/keys/search` */
  readonly searchKeys: (input?: SearchKeysInput, options?: RequestOptions) => Promise<SoughtKeys>;
  /** Read a key with its scopes, its caps and what it has spent of them. `GET /v1/keys/{key}` */
  readonly getKey: (input: GetKeyInput, options?: RequestOptions) => Promise<Key>;
  /** Change a key's name, scopes, addresses, caps or expiry. `PATCH /v1/keys/{key}` */
  readonly updateKey: (input: UpdateKeyInput, options?: RequestOptions) => Promise<Key>;
  /** Give a key a new text; the former one works until its grace ends. `POST /v1/keys/{key}/rotate` */
  readonly rotateKey: (input: RotateKeyInput, options?: RequestOptions) => Promise<CreatedKey>;
  /** Revoke a key for good; every instance refuses it within 5 seconds. `POST /v1/keys/{key}/revoke` */
  readonly revokeKey: (input: RevokeKeyInput, options?: RequestOptions) => Promise<Key>;
  /** List the endpoints of the price list in force, with whether the key may call them and at what price. `GET /v1/keys/{key}/permissions` */
  readonly getKeyPermissions: (input: GetKeyPermissionsInput, options?: RequestOptions) => Promise<KeyPermissions>;
  /** Add credits to a pool. `POST /v1/accounts/{account}/grants` */
  readonly createGrant: (input: CreateGrantInput, options?: RequestOptions) => Promise<Grant>;
  /** Reverse all or part of a charge; never more than was charged. `POST /v1/charges/{charge}/refunds` */
  readonly createRefund: (input: CreateRefundInput, options?: RequestOptions) => Promise<Refund>;
  /** Reverse all or part of the charge of a request, named by its id. `POST /v1/accounts/{account}/refunds` */
  readonly createRequestRefund: (input: CreateRequestRefundInput, options?: RequestOptions) => Promise<Refund>;
  /** Correct a pool by hand; never takes what is held. `POST /v1/accounts/{account}/adjustments` */
  readonly createAdjustment: (input: CreateAdjustmentInput, options?: RequestOptions) => Promise<Adjustment>;
  /** Count what a refund of all charges that match would give back; does nothing. `POST /v1/bulk-refunds/preview` */
  readonly previewBulkRefund: (input: PreviewBulkRefundInput, options?: RequestOptions) => Promise<RefundPreview>;
  /** Refund what is left of all charges that match, in the background. `POST /v1/bulk-refunds` */
  readonly createBulkRefund: (input: CreateBulkRefundInput, options?: RequestOptions) => Promise<BulkRefund>;
  /** List bulk refunds, the newest first. `GET /v1/bulk-refunds` */
  readonly listBulkRefunds: (input?: ListBulkRefundsInput, options?: RequestOptions) => Promise<BulkRefundPage>;
  /** Read a bulk refund and how far it is. `GET /v1/bulk-refunds/{bulkRefund}` */
  readonly getBulkRefund: (input: GetBulkRefundInput, options?: RequestOptions) => Promise<BulkRefund>;
  /** Stop a bulk refund; what was refunded stays refunded. `POST /v1/bulk-refunds/{bulkRefund}/cancel` */
  readonly cancelBulkRefund: (input: CancelBulkRefundInput, options?: RequestOptions) => Promise<BulkRefund>;
  /** List exports of one account or of all, the newest first. `GET /v1/exports` */
  readonly listExports: (input?: ListExportsInput, options?: RequestOptions) => Promise<ExportPage>;
  /** Read how far an export is, what it has, what it costs and why it failed. `GET /v1/exports/{export}` */
  readonly getExport: (input: GetExportInput, options?: RequestOptions) => Promise<Export>;
  /** End an export before it is charged; it costs nothing. `POST /v1/exports/{export}/cancel` */
  readonly cancelExport: (input: CancelExportInput, options?: RequestOptions) => Promise<Export>;
  /** Begin a failed export again from its start. `POST /v1/exports/{export}/retry` */
  readonly retryExport: (input: RetryExportInput, options?: RequestOptions) => Promise<Export>;
  /** Read the pools of an account, as of now. `GET /v1/accounts/{account}/balances` */
  readonly getBalances: (input: GetBalancesInput, options?: RequestOptions) => Promise<Balances>;
  /** List the ledger's lines of a pool, the newest first. `GET /v1/accounts/{account}/entries` */
  readonly listEntries: (input: ListEntriesInput, options?: RequestOptions) => Promise<EntryPage>;
  /** The same as CSV, as a stream of all lines. */
  readonly listEntriesCsv: (input: ListEntriesInput, options?: RequestOptions) => Promise<ReadableStream<Uint8Array>>;
  /** Read what an account spent, by time, endpoint and key. `GET /v1/accounts/{account}/usage` */
  readonly getUsage: (input: GetUsageInput, options?: RequestOptions) => Promise<Usage>;
  /** The same as CSV, as a stream of all lines. */
  readonly getUsageCsv: (input: GetUsageInput, options?: RequestOptions) => Promise<ReadableStream<Uint8Array>>;
  /** Read what all accounts spent, by time, account, endpoint and key. `GET /v1/usage` */
  readonly getAllUsage: (input?: GetAllUsageInput, options?: RequestOptions) => Promise<Usage>;
  /** The same as CSV, as a stream of all lines. */
  readonly getAllUsageCsv: (input?: GetAllUsageInput, options?: RequestOptions) => Promise<ReadableStream<Uint8Array>>;
  /** Explain one call: its price, what was held, charged, uncollected and refunded. `GET /v1/calls/{call}` */
  readonly getCall: (input: GetCallInput, options?: RequestOptions) => Promise<Call>;
  /** Read what was sold, burned, refunded, expired and is outstanding, by month and credit type. `GET /v1/reports/months` */
  readonly getMonthReport: (input?: GetMonthReportInput, options?: RequestOptions) => Promise<MonthReport>;
  /** The same as CSV, as a stream of all lines. */
  readonly getMonthReportCsv: (input?: GetMonthReportInput, options?: RequestOptions) => Promise<ReadableStream<Uint8Array>>;
  /** Read what was refused, by month, code and credit type. `GET /v1/reports/refusals` */
  readonly getRefusalReport: (input?: GetRefusalReportInput, options?: RequestOptions) => Promise<RefusalReport>;
  /** The same as CSV, as a stream of all lines. */
  readonly getRefusalReportCsv: (input?: GetRefusalReportInput, options?: RequestOptions) => Promise<ReadableStream<Uint8Array>>;
  /** List pools that run out within some days at their present pace. `GET /v1/reports/running-out` */
  readonly listRunningOut: (input?: ListRunningOutInput, options?: RequestOptions) => Promise<RunningOutPage>;
  /** Publish a price list, from now on or from a later time. `POST /v1/price-lists` */
  readonly publishPriceList: (input: PublishPriceListInput, options?: RequestOptions) => Promise<Publication>;
  /** List price lists, the newest version first. `GET /v1/price-lists` */
  readonly listPriceLists: (input?: ListPriceListsInput, options?: RequestOptions) => Promise<PriceListPage>;
  /** Read the price list in force and the announced ones. `GET /v1/price-lists/schedule` */
  readonly getPriceSchedule: (input?: Readonly<Record<string, never>>, options?: RequestOptions) => Promise<PriceSchedule>;
  /** Read a price list. `GET /v1/price-lists/{version}` */
  readonly getPriceList: (input: GetPriceListInput, options?: RequestOptions) => Promise<PriceList>;
  /** Compare a price list with the one that it replaces, or with another one. `GET /v1/price-lists/{version}/diff` */
  readonly getPriceListDiff: (input: GetPriceListDiffInput, options?: RequestOptions) => Promise<PriceListDiff>;
  /** Take an announced price list back. `POST /v1/price-lists/{version}/cancel` */
  readonly cancelPriceList: (input: CancelPriceListInput, options?: RequestOptions) => Promise<PriceList>;
  /** Publish prices of one account, from now on or from a later time, for ever or until one. `POST /v1/accounts/{account}/price-lists` */
  readonly publishAccountPrices: (input: PublishAccountPricesInput, options?: RequestOptions) => Promise<AccountPrices>;
  /** List an account's own price lists, the newest version first. `GET /v1/accounts/{account}/price-lists` */
  readonly listAccountPrices: (input: ListAccountPricesInput, options?: RequestOptions) => Promise<AccountPricesPage>;
  /** Take an account's price list back, before it takes effect or while it applies. `POST /v1/accounts/{account}/price-lists/{version}/cancel` */
  readonly cancelAccountPrices: (input: CancelAccountPricesInput, options?: RequestOptions) => Promise<AccountPrices>;
  /** Price the charges of a period by other prices. Nothing is published or charged. `POST /v1/price-lists/simulations` */
  readonly simulatePrices: (input: SimulatePricesInput, options?: RequestOptions) => Promise<Simulation>;
  /** List the plans that the configuration has, or had. `GET /v1/plans` */
  readonly listPlans: (input?: Readonly<Record<string, never>>, options?: RequestOptions) => Promise<Plans>;
  /** Give an account a plan, now or at the next refresh of the one that it has. `POST /v1/accounts/{account}/plan` */
  readonly assignPlan: (input: AssignPlanInput, options?: RequestOptions) => Promise<Account>;
  /** Take an account's plan away, now or at its next refresh; what it granted stays. `POST /v1/accounts/{account}/plan/cancel` */
  readonly cancelPlan: (input: CancelPlanInput, options?: RequestOptions) => Promise<Account>;
  /** Withdraw the pending change of an account's plan. `POST /v1/accounts/{account}/plan/keep` */
  readonly keepPlan: (input: KeepPlanInput, options?: RequestOptions) => Promise<Account>;
  /** List what operators did, the newest first. `GET /v1/audit-trail` */
  readonly listAuditTrail: (input?: ListAuditTrailInput, options?: RequestOptions) => Promise<AuditTrailPage>;
  /** The same as CSV, as a stream of all lines. */
  readonly listAuditTrailCsv: (input?: ListAuditTrailInput, options?: RequestOptions) => Promise<ReadableStream<Uint8Array>>;
  /** Read what runs here: versions, the database, the clocks. `GET /v1/instance` */
  readonly getInstance: (input?: Readonly<Record<string, never>>, options?: RequestOptions) => Promise<Instance>;
  /** Read how the work behind the requests goes: sweep, instances, roll-up, partitions, exports, the last audit. `GET /v1/health` */
  readonly getHealth: (input?: Readonly<Record<string, never>>, options?: RequestOptions) => Promise<Health>;
  /** Recompute the books from their lines and compare; writes nothing, locks nothing. `GET /v1/audit` */
  readonly runAudit: (input?: RunAuditInput, options?: RequestOptions) => Promise<Audit>;
  /** Create a token of the operator API with a role; its text is in this answer only. `POST /v1/tokens` */
  readonly createToken: (input: CreateTokenInput, options?: RequestOptions) => Promise<CreatedToken>;
  /** List the named tokens of the operator API, the newest first. `GET /v1/tokens` */
  readonly listTokens: (input?: ListTokensInput, options?: RequestOptions) => Promise<TokenPage>;
  /** Revoke a token for good; the next request with it is refused. `POST /v1/tokens/{token}/revoke` */
  readonly revokeToken: (input: RevokeTokenInput, options?: RequestOptions) => Promise<Token>;
  /** Read who asks: as the audit trail names them, their role and limits. `GET /v1/self` */
  readonly getSelf: (input?: Readonly<Record<string, never>>, options?: RequestOptions) => Promise<Self>;
  /** Make a link that signs you in to the console, once. `POST /v1/console-links` */
  readonly createConsoleLink: (input?: CreateConsoleLinkInput, options?: RequestOptions) => Promise<ConsoleLink>;
  /** List who is signed in to the portal and to the console, the newest first. `GET /v1/sessions` */
  readonly listSessions: (input?: ListSessionsInput, options?: RequestOptions) => Promise<SessionPage>;
  /** Sign a browser out; its next request is refused. `POST /v1/sessions/{session}/end` */
  readonly endSession: (input: EndSessionInput, options?: RequestOptions) => Promise<EndedSession>;
  /** Sign an account's customers out of the portal everywhere. `POST /v1/accounts/{account}/end-sessions` */
  readonly endAccountSessions: (input: EndAccountSessionsInput, options?: RequestOptions) => Promise<EndedSessions>;
}
