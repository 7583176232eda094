import { lazy, type ReactNode } from "react";
import { Route } from "react-router";
import { SETTINGS } from "../session/base.ts";
import { SignedIn } from "../session/signed-in.tsx";
import type { OperatorSession } from "./operator-api.ts";
import { OperatorSignIn } from "./operator-sign-in.tsx";
import { Overview } from "./overview/overview.tsx";

const Accounts = lazy(() => import("./accounts/accounts.tsx"));
const Account = lazy(() => import("./account/account.tsx"));
const Calls = lazy(() => import("./calls/calls.tsx"));
const OneCall = lazy(() => import("./calls/one-call.tsx"));
const Refunds = lazy(() => import("./refunds/refunds.tsx"));
const Exports = lazy(() => import("./exports/exports.tsx"));
const Access = lazy(() => import("./access/access.tsx"));
const Prices = lazy(() => import("./prices/prices.tsx"));
const Plans = lazy(() => import("./plans/plans.tsx"));
const AuditTrail = lazy(() => import("./audit/audit-trail.tsx"));
const Health = lazy(() => import("./health/health.tsx"));
const NotFound = lazy(() => import("../design/not-found.tsx"));

const PLACES = [
  ["/", "Overview"],
  ["/accounts", "Accounts"],
  ["/calls", "Calls"],
  ["/prices", "Prices"],
  ["/plans", "Plans"],
  ["/refunds", "Refunds"],
  ...(SETTINGS.exports ? ([["/exports", "Exports"]] as const) : []),
  ["/access", "Access"],
  ["/audit-trail", "Audit trail"],
  ["/health", "Health"],
] as const;

/** The operators' pages. */
export function OperatorApp(): ReactNode {
  return (
    <SignedIn<OperatorSession>
      signIn={<OperatorSignIn />}
      places={PLACES}
      who={({ actor, role }) => `${actor} (${role})`}
    >
      {({ role }) => (
        <>
          <Route index element={<Overview />} />
          <Route path="accounts" element={<Accounts role={role} />} />
          <Route path="accounts/:account" element={<Account role={role} />} />
          <Route path="prices" element={<Prices role={role} />} />
          <Route path="plans" element={<Plans />} />
          <Route path="calls" element={<Calls />} />
          <Route path="calls/:call" element={<OneCall />} />
          <Route path="refunds" element={<Refunds role={role} />} />
          <Route path="exports" element={<Exports role={role} />} />
          <Route path="access" element={<Access role={role} />} />
          <Route path="audit-trail" element={<AuditTrail />} />
          <Route path="health" element={<Health />} />
          <Route path="*" element={<NotFound />} />
        </>
      )}
    </SignedIn>
  );
}
