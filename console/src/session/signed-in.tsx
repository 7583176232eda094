import { CSPProvider } from "@base-ui/react/csp-provider";
import { type ReactNode, Suspense, useEffect } from "react";
import { Routes, useLocation } from "react-router";
import { PageBoundary } from "../design/page-boundary.tsx";
import { Shell } from "../design/shell.tsx";
import { Failed, Loading } from "../design/states.tsx";
import { ReplayNotice } from "./replay-notice.tsx";
import { useSession, useSignOut } from "./session.tsx";
import { hasSignInLink } from "./use-sign-in-link.ts";

interface SignedInOptions<Session> {
  readonly signIn: ReactNode;
  readonly places: readonly (readonly [path: string, name: string])[];
  /** Who is signed in, as the head shows it. */
  readonly who: (session: Session) => string;
  /** The routes of the pages. */
  readonly children: (session: Session) => ReactNode;
}

/** All pages of one kind: the sign-in until somebody is signed in, then what the address says. */
export function SignedIn<Session extends { readonly id: string }>(
  options: SignedInOptions<Session>,
): ReactNode {
  return (
    <CSPProvider disableStyleElements>
      <Pages {...options} />
    </CSPProvider>
  );
}

function Pages<Session extends { readonly id: string }>({
  signIn,
  places,
  who,
  children,
}: SignedInOptions<Session>): ReactNode {
  const session = useSession<Session>();
  const signOut = useSignOut();
  const { pathname } = useLocation();
  useEffect(() => {
    // Newer browsers answer with a promise, which React would take for what ends the effect.
    scrollTo(0, 0);
  }, [pathname]);
  if (session.isPending) return <Loading />;
  if (session.isError) return <Failed error={session.error} again={() => void session.refetch()} />;
  if (session.data === null || hasSignInLink()) return signIn;
  return (
    <Shell
      places={places}
      who={who(session.data)}
      onSignOut={() => signOut.mutate()}
      isSigningOut={signOut.isPending}
    >
      <ReplayNotice />
      <PageBoundary key={`${session.data.id} ${pathname}`}>
        <Suspense fallback={<Loading />}>
          <Routes>{children(session.data)}</Routes>
        </Suspense>
      </PageBoundary>
    </Shell>
  );
}
