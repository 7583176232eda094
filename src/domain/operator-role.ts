import type { Credits } from "./credits.ts";

/**
 * What a token or a person may do at the operator API. `metrics`: scrape metrics. `read`: read everything. `portal`: make portal
 * links for customers and nothing else. `support`: read, and give credits by grants and refunds up to limits. `meter`: ask for holds at
 * the sidecar's listener and nothing else. `admin`: everything.
 */
export const OPERATOR_ROLES = ["metrics", "read", "portal", "support", "meter", "admin"] as const;

export type OperatorRole = (typeof OPERATOR_ROLES)[number];

/** The roles of operations that each role may carry out. */
const MAY: Readonly<Record<OperatorRole, readonly OperatorRole[]>> = {
  metrics: ["metrics"],
  read: ["metrics", "read"],
  portal: ["portal"],
  support: ["metrics", "read", "portal", "support"],
  meter: ["meter"],
  admin: OPERATOR_ROLES,
};

/** Whether who has a role may carry out an operation that needs another. */
export function mayActAs(role: OperatorRole, needed: OperatorRole): boolean {
  return MAY[role].includes(needed);
}

/** How many credits may be given, whatever their types: by one grant, refund or released hold, and by all of one day of UTC. */
export interface GivingLimits {
  readonly each: Credits;
  readonly day: Credits;
}

/** Who asks the operator API. */
export interface Operator {
  /** As audit rows name them: `operator` for the operator token, `token:` and a token's name, `person:` and who they are. */
  readonly actor: string;
  readonly role: OperatorRole;
  /** Of `support` only. */
  readonly limits: GivingLimits | null;
}
