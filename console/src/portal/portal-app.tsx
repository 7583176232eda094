import { CSPProvider } from "@base-ui/react/csp-provider";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Route, Routes, useLocation } from "react-router";
import { Shell } from "../design/shell.tsx";
import { Failed, Loading } from "../design/states.tsx";
import { SETTINGS } from "../session/base.ts";
import { useSession, useSignOut } from "../session/session.tsx";
import { hasSignInLink } from "../session/use-sign-in-link.ts";
import type { PortalSession } from "./account-api.ts";
import { Overview } from "./overview/overview.tsx";
import { PortalSignIn } from "./portal-sign-in.tsx";

const Statement = lazy(() => import("./statement/statement.tsx"));
const Keys = lazy(() => import("./keys/keys.tsx"));
const Prices = lazy(() => import("./prices/prices.tsx"));
const Exports = lazy(() => import("./exports/exports.tsx"));
const Call = lazy(() => import("./calls/call.tsx"));
const NotFound = lazy(() => import("../design/not-found.tsx"));

const PLACES = [
  ["/", "Overview"],
  ["/statement", "Statement"],
  ["/keys", "Keys"],
  ["/prices", "Prices"],
  ...(SETTINGS.exports ? ([["/exports", "Exports"]] as const) : []),
] as const;

/** The customers' pages: the sign-in until somebody is signed in, then what the address says. */
export function PortalApp(): ReactNode {
  return (
    <CSPProvider disableStyleElements>
      <Signed />
    </CSPProvider>
  );
}

function Signed(): ReactNode {
  const session = useSession<PortalSession>();
  const signOut = useSignOut();
  const { pathname } = useLocation();
  useEffect(() => {
    // Newer browsers answer with a promise, which React would take for what ends the effect.
    scrollTo(0, 0);
  }, [pathname]);
  if (session.isPending) return <Loading />;
  if (session.isError) return <Failed error={session.error} again={() => void session.refetch()} />;
  if (session.data === null || hasSignInLink()) return <PortalSignIn />;
  const { account, access } = session.data;
  return (
    <Shell
      places={PLACES}
      who={access === "read" ? `${account.name} (read only)` : account.name}
      onSignOut={() => signOut.mutate()}
      isSigningOut={signOut.isPending}
    >
      <Suspense fallback={<Loading />}>
        <Routes>
          <Route index element={<Overview />} />
          <Route path="statement" element={<Statement />} />
          <Route path="calls/:call" element={<Call />} />
          <Route path="keys" element={<Keys access={access} />} />
          <Route path="prices" element={<Prices />} />
          <Route path="exports" element={<Exports access={access} />} />
          <Route path="*" element={<NotFound />} />
        </Routes>
      </Suspense>
    </Shell>
  );
}
