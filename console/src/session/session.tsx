import {
  QueryClient,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { createTransport, type Transport } from "../../../src/client/transport.ts";
import { FareboxError } from "../../../src/domain/farebox-error.ts";
import { BASE, OWN_HEADERS } from "./base.ts";
import { tellOtherTabs, watchOtherTabs } from "./other-tabs.ts";

const SESSION = ["session"] as const;
/** Whether somebody was signed in until the server knew their session no more. */
const ENDED = ["session", "ended"] as const;
const UNAUTHORIZED = 401;

/** The session's own endpoint lies beside the page. */
const transport: Transport = createTransport({
  url: new URL(BASE, location.origin).href,
  headers: OWN_HEADERS,
});

const statusOf = (error: unknown): unknown =>
  error instanceof FareboxError ? error.detail["status"] : undefined;

/** Reads are tried again by the client itself; a session that has ended shows the sign-in. */
export function createQueries(): QueryClient {
  const queries = new QueryClient({
    defaultOptions: {
      queries: { retry: false, staleTime: 15_000, refetchOnWindowFocus: true },
      mutations: { retry: false },
    },
  });
  const watch = (error: unknown): void => {
    if (statusOf(error) !== UNAUTHORIZED) return;
    tellEnd(queries);
    queries.setQueryData(SESSION, null);
  };
  queries.getQueryCache().config.onError = watch;
  queries.getMutationCache().config.onError = watch;
  watchOtherTabs((isSignedIn) => {
    if (isSignedIn) void queries.invalidateQueries({ queryKey: SESSION, exact: true });
    else showSignIn(queries);
  });
  return queries;
}

function tellEnd(queries: QueryClient): void {
  const session = queries.getQueryData(SESSION);
  if (session !== null && session !== undefined) queries.setQueryData(ENDED, true);
}

/** Whether the sign-in is seen because a session has ended by itself, in the middle of something maybe. */
export function useHasEnded(): boolean {
  return useQuery({ queryKey: ENDED, queryFn: () => false, enabled: false }).data === true;
}

function showSignIn(queries: QueryClient): void {
  forget(queries);
  queries.setQueryData(SESSION, null);
}

/** A session of the pages: another one has another id. */
interface Identified {
  readonly id: string;
}

/** Who is signed in; null: nobody. What was read by another session is forgotten: it may be another account's. */
export function useSession<Session extends Identified>(): UseQueryResult<Session | null> {
  const queries = useQueryClient();
  return useQuery({
    queryKey: SESSION,
    staleTime: 60_000,
    refetchOnWindowFocus: "always",
    queryFn: async ({ signal }): Promise<Session | null> => {
      try {
        // The caller knows which page it is on, and what its session has.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        const session = (await transport.readJson({ method: "GET", path: "/session", signal })) as Session;
        const former = queries.getQueryData<Identified | null>(SESSION);
        if (former !== undefined && former?.id !== session.id) forget(queries);
        return session;
      } catch (error) {
        if (statusOf(error) !== UNAUTHORIZED) throw error;
        tellEnd(queries);
        return null;
      }
    },
  });
}

/** Forgets all that was read, but keeps the session's own query: pages look at it, and would not see a new one in its place. */
function forget(queries: QueryClient): void {
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION[0] });
}

/** Signs in with what the form has: a key, a link's text or a token. */
export function useSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (content: Readonly<Record<string, string>>) =>
      transport.readJson({ method: "POST", path: "/session", content }),
    onSuccess: (session) => {
      // It may be another account's.
      forget(queries);
      queries.setQueryData(ENDED, false);
      queries.setQueryData(SESSION, session);
      tellOtherTabs(true);
    },
  });
}

/** Ends the session on the server too, and forgets what was read. */
export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      const response = await fetch(new URL("session", new URL(BASE, location.origin)), {
        method: "DELETE",
        headers: OWN_HEADERS,
      });
      if (!response.ok && response.status !== UNAUTHORIZED) throw new Error("Signing out did not work.");
    },
    onSuccess: () => {
      showSignIn(queries);
      tellOtherTabs(false);
    },
  });
}
