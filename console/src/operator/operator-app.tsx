import { CSPProvider } from "@base-ui/react/csp-provider";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Route, Routes, useLocation } from "react-router";
import { Shell } from "../design/shell.tsx";
import { Failed, Loading } from "../design/states.tsx";
import { SETTINGS } from "../session/base.ts";
import { useSession, useSignOut } from "../session/session.tsx";
import { hasSignInLink } from "../session/use-sign-in-link.ts";
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

/** The operators' pages: the sign-in until somebody is signed in, then what the address says. */
export function OperatorApp(): ReactNode {
  return (
    <CSPProvider disableStyleElements>
      <Signed />
    </CSPProvider>
  );
}

function Signed(): ReactNode {
  const session = useSession<OperatorSession>();
  const signOut = useSignOut();
  const { pathname } = useLocation();
  useEffect(() => {
    // Newer browsers answer with a promise, which React would take for what ends the effect.
    scrollTo(0, 0);
  }, [pathname]);
  if (session.isPending) return <Loading />;
  if (session.isError) return <Failed error={session.error} again={() => void session.refetch()} />;
  if (session.data === null || hasSignInLink()) return <OperatorSignIn />;
  const { actor, role } = session.data;
  return (
    <Shell
      places={PLACES}
      who={`${actor} (${role})`}
      onSignOut={() => signOut.mutate()}
      isSigningOut={signOut.isPending}
    >
      <Suspense fallback={<Loading />}>
        <Routes>
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
        </Routes>
      </Suspense>
    </Shell>
  );
}
