// Made by `npm run generate` from the customer API's own schemas. Not to be edited.
import type { Operation } from "../operation.ts";

/** How each method is sent. */
export const CUSTOMER_OPERATIONS: Readonly<Record<string, Operation>> = {
  getOverview: { method: "GET", path: "/overview" },
  getBalances: { method: "GET", path: "/balances" },
  getUsage: { method: "GET", path: "/usage", csv: true },
  listEntries: { method: "GET", path: "/entries", csv: true },
  getCall: { method: "GET", path: "/calls/{call}" },
  getPermissions: { method: "GET", path: "/permissions" },
  listPrices: { method: "GET", path: "/prices" },
  quote: { method: "POST", path: "/quote" },
  listExports: { method: "GET", path: "/exports" },
  getExport: { method: "GET", path: "/exports/{export}" },
  listExportFiles: { method: "GET", path: "/exports/{export}/files" },
  cancelExport: { method: "POST", path: "/exports/{export}/cancel" },
  listKeys: { method: "GET", path: "/keys" },
  createKey: { method: "POST", path: "/keys" },
  updateKey: { method: "PATCH", path: "/keys/{key}" },
  rotateKey: { method: "POST", path: "/keys/{key}/rotate" },
  revokeKey: { method: "POST", path: "/keys/{key}/revoke" },
};
