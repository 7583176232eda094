import { addCancelAccountPrices } from "./account-prices/cancel-account-prices.ts";
import { addListAccountPrices } from "./account-prices/list-account-prices.ts";
import { addPublishAccountPrices } from "./account-prices/publish-account-prices.ts";
import { addCloseAccount, addResumeAccount, addSuspendAccount } from "./accounts/change-account-state.ts";
import { addExtendLongHold, addReleaseLongHold } from "./accounts/change-long-hold.ts";
import { addCreateAccount } from "./accounts/create-account.ts";
import { addGetAccount } from "./accounts/get-account.ts";
import { addListAccounts } from "./accounts/list-accounts.ts";
import { addListHolds } from "./accounts/list-holds.ts";
import { addListLongHolds } from "./accounts/list-long-holds.ts";
import { addUpdateAccount } from "./accounts/update-account.ts";
import { addListAuditTrail } from "./audit-trail/list-audit-trail.ts";
import { addCancelBulkRefund } from "./bulk-refunds/cancel-bulk-refund.ts";
import { addCreateBulkRefund } from "./bulk-refunds/create-bulk-refund.ts";
import { addGetBulkRefund } from "./bulk-refunds/get-bulk-refund.ts";
import { addListBulkRefunds } from "./bulk-refunds/list-bulk-refunds.ts";
import { addPreviewBulkRefund } from "./bulk-refunds/preview-bulk-refund.ts";
import { addGetCall } from "./calls/get-call.ts";
import { addConsole } from "./console/add-console.ts";
import { addCancelExport } from "./exports/cancel-export.ts";
import { addGetExport } from "./exports/get-export.ts";
import { addListExports } from "./exports/list-exports.ts";
import { addRetryExport } from "./exports/retry-export.ts";
import { addHealth } from "./instance/add-health.ts";
import { addMetrics } from "./instance/add-metrics.ts";
import { addGetHealth } from "./instance/get-health.ts";
import { addGetInstance } from "./instance/get-instance.ts";
import { addRunAudit } from "./instance/run-audit.ts";
import { addCreateKey } from "./keys/create-key.ts";
import { addGetKey } from "./keys/get-key.ts";
import { addGetKeyPermissions } from "./keys/get-key-permissions.ts";
import { addImportKeys } from "./keys/import-keys.ts";
import { addListKeys } from "./keys/list-keys.ts";
import { addRevokeKey } from "./keys/revoke-key.ts";
import { addRotateKey } from "./keys/rotate-key.ts";
import { addSearchKeys } from "./keys/search-keys.ts";
import { addUpdateKey } from "./keys/update-key.ts";
import { addOpenApi } from "./openapi/add-openapi.ts";
import { createOperatorApp } from "./operator-app.ts";
import type { OperatorApp } from "./operator-env.ts";
import type { OperatorServices } from "./operator-services.ts";
import { addAssignPlan } from "./plans/assign-plan.ts";
import { addCancelPlan } from "./plans/cancel-plan.ts";
import { addKeepPlan } from "./plans/keep-plan.ts";
import { addListPlans } from "./plans/list-plans.ts";
import { addCreateAdjustment } from "./pools/create-adjustment.ts";
import { addCreateGrant } from "./pools/create-grant.ts";
import { addCreateRefund } from "./pools/create-refund.ts";
import { addCreateRequestRefund } from "./pools/create-request-refund.ts";
import { addGetBalances } from "./pools/get-balances.ts";
import { addGetUsage } from "./pools/get-usage.ts";
import { addListEntries } from "./pools/list-entries.ts";
import { addCreatePortalLink } from "./portal-links/create-portal-link.ts";
import { addCancelPriceList } from "./price-lists/cancel-price-list.ts";
import { addGetPriceList } from "./price-lists/get-price-list.ts";
import { addGetPriceListDiff } from "./price-lists/get-price-list-diff.ts";
import { addGetPriceSchedule } from "./price-lists/get-price-schedule.ts";
import { addListPriceLists } from "./price-lists/list-price-lists.ts";
import { addPublishPriceList } from "./price-lists/publish-price-list.ts";
import { addSimulatePrices } from "./price-lists/simulate-prices.ts";
import { addReference } from "./reference/add-reference.ts";
import { addGetMonthReport } from "./reports/get-month-report.ts";
import { addGetRefusalReport } from "./reports/get-refusal-report.ts";
import { addListRunningOut } from "./reports/list-running-out.ts";
import { addCreateConsoleLink } from "./sessions/create-console-link.ts";
import { addEndAccountSessions, addEndSession } from "./sessions/end-sessions.ts";
import { addListSessions } from "./sessions/list-sessions.ts";
import { addCreateToken } from "./tokens/create-token.ts";
import { addGetSelf } from "./tokens/get-self.ts";
import { addListTokens } from "./tokens/list-tokens.ts";
import { addRevokeToken } from "./tokens/revoke-token.ts";
import { addWatchTraffic } from "./traffic/watch-traffic.ts";

const OPERATIONS = [
  addCreateAccount,
  addListAccounts,
  addGetAccount,
  addUpdateAccount,
  addSuspendAccount,
  addResumeAccount,
  addCloseAccount,
  addListHolds,
  addListLongHolds,
  addReleaseLongHold,
  addExtendLongHold,
  addCreatePortalLink,
  addCreateKey,
  addImportKeys,
  addListKeys,
  // Before the route of a key.
  addSearchKeys,
  addGetKey,
  addUpdateKey,
  addRotateKey,
  addRevokeKey,
  addGetKeyPermissions,
  addCreateGrant,
  addCreateRefund,
  addCreateRequestRefund,
  addCreateAdjustment,
  addPreviewBulkRefund,
  addCreateBulkRefund,
  addListBulkRefunds,
  addGetBulkRefund,
  addCancelBulkRefund,
  addListExports,
  addGetExport,
  addCancelExport,
  addRetryExport,
  addGetBalances,
  addListEntries,
  addGetUsage,
  addGetCall,
  addGetMonthReport,
  addGetRefusalReport,
  addListRunningOut,
  addPublishPriceList,
  addListPriceLists,
  // Before the route of a version, which its path would match too.
  addGetPriceSchedule,
  addGetPriceList,
  addGetPriceListDiff,
  addCancelPriceList,
  addPublishAccountPrices,
  addListAccountPrices,
  addCancelAccountPrices,
  addSimulatePrices,
  addListPlans,
  addAssignPlan,
  addCancelPlan,
  addKeepPlan,
  addListAuditTrail,
  addGetInstance,
  addGetHealth,
  addRunAudit,
  addCreateToken,
  addListTokens,
  addRevokeToken,
  addGetSelf,
  addWatchTraffic,
  addCreateConsoleLink,
  addListSessions,
  addEndSession,
  addEndAccountSessions,
  addHealth,
  addMetrics,
] as const;

/** The operator API with all its operations and its OpenAPI 3.1 document and the interactive reference. */
export function createOperatorApi(services: OperatorServices): OperatorApp {
  const app = createOperatorApp(services);
  for (const add of OPERATIONS) add(app, services);
  addOpenApi(app, services);
  addReference(app);
  addConsole(app, services.console);
  return app;
}
