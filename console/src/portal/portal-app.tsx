import { lazy, type ReactNode } from "react";
import { Route } from "react-router";
import { SETTINGS } from "../session/base.ts";
import { SignedIn } from "../session/signed-in.tsx";
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

/** The customers' pages. */
export function PortalApp(): ReactNode {
  return (
    <SignedIn<PortalSession>
      signIn={<PortalSignIn />}
      places={PLACES}
      who={({ account, access }) => (access === "read" ? `${account.name} (read only)` : account.name)}
    >
      {({ access }) => (
        <>
          <Route index element={<Overview />} />
          <Route path="statement" element={<Statement />} />
          <Route path="calls/:call" element={<Call />} />
          <Route path="keys" element={<Keys access={access} />} />
          <Route path="prices" element={<Prices />} />
          <Route path="exports" element={<Exports access={access} />} />
          <Route path="*" element={<NotFound />} />
        </>
      )}
    </SignedIn>
  );
}
