import type { OperatorRole } from "../../../domain/operator-role.ts";

/**
 * Which role each operation needs, by its operationId. An operation without a role is answered to nobody, and a test fails. A role
 * may do more than its name: see mayActAs.
 */
export const OPERATION_ROLES: Readonly<Record<string, OperatorRole>> = {
  createAccount: "admin",
  listAccounts: "read",
  getAccount: "read",
  updateAccount: "admin",
  suspendAccount: "admin",
  resumeAccount: "admin",
  closeAccount: "admin",
  listHolds: "read",
  createPortalLink: "portal",
  createKey: "admin",
  listKeys: "read",
  getKey: "read",
  updateKey: "admin",
  rotateKey: "admin",
  revokeKey: "admin",
  getKeyPermissions: "read",
  createGrant: "support",
  createRefund: "support",
  createRequestRefund: "support",
  createAdjustment: "admin",
  previewBulkRefund: "read",
  createBulkRefund: "admin",
  listBulkRefunds: "read",
  getBulkRefund: "read",
  cancelBulkRefund: "admin",
  listExports: "read",
  getExport: "read",
  cancelExport: "admin",
  retryExport: "admin",
  getBalances: "read",
  listEntries: "read",
  getUsage: "read",
  getAllUsage: "read",
  getCall: "read",
  publishPriceList: "admin",
  listPriceLists: "read",
  getPriceSchedule: "read",
  getPriceList: "read",
  getPriceListDiff: "read",
  cancelPriceList: "admin",
  simulatePrices: "read",
  listPlans: "read",
  assignPlan: "admin",
  cancelPlan: "admin",
  keepPlan: "admin",
  listAuditTrail: "read",
  getInstance: "read",
  runAudit: "read",
  createToken: "admin",
  listTokens: "admin",
  revokeToken: "admin",
  // Everyone may know who they are.
  getSelf: "metrics",
};

/** Routes that are no operations of the API's document, and need a token. */
export const ROUTE_ROLES: Readonly<Record<string, OperatorRole>> = { "GET /metrics": "metrics" };
