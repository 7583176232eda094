import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Session } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { ConfirmDialog } from "../../design/confirm-dialog.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Moment } from "../../formats/amount.tsx";
import { AccountLink } from "../account-link.tsx";
import { OPERATOR } from "../operator-api.ts";

/** Who is signed in: all, or an account's customers. */
export function Sessions({
  account,
  mayEnd,
}: {
  readonly account?: string;
  readonly mayEnd: boolean;
}): ReactNode {
  const [ended, setEnded] = useState<Session>();
  const sessions = useInfiniteQuery({
    queryKey: ["sessions", account],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      OPERATOR.listSessions({ account, limit: 25, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const list = sessions.data?.pages.flatMap((page) => page.sessions) ?? [];
  return (
    <Card
      title="Signed in"
      note={account === undefined ? "to the portal and to this console" : "to the portal"}
      flush
    >
      {sessions.isPending ? (
        <Loading lines={2} />
      ) : sessions.isError ? (
        <Failed error={sessions.error} again={() => void sessions.refetch()} />
      ) : list.length === 0 ? (
        <Empty title="Nobody" />
      ) : (
        <Table
          caption="Who is signed in, the newest first"
          rows={list}
          keyOf={({ id }) => id}
          columns={[
            { head: "Who", cell: (session) => <Who of={session} /> },
            { head: "May", cell: ({ access, role }) => <Badge>{access ?? role ?? ""}</Badge> },
            { head: "Since", cell: ({ createdAt }) => <Moment at={createdAt} /> },
            { head: "Last seen", cell: ({ lastSeenAt }) => <Moment at={lastSeenAt} as="distance" /> },
            {
              head: "Sign out",
              cell: (session) =>
                mayEnd ? (
                  <Button size="small" onClick={() => setEnded(session)}>
                    Sign out<span className="unseen"> {session.id}</span>
                  </Button>
                ) : null,
            },
          ]}
          foot={
            sessions.hasNextPage ? (
              <Button onClick={() => void sessions.fetchNextPage()} busy={sessions.isFetchingNextPage}>
                Show older ones
              </Button>
            ) : null
          }
        />
      )}
      {ended === undefined ? null : <EndSession of={ended} onClose={() => setEnded(undefined)} />}
    </Card>
  );
}

function Who({ of: { account, actor, key } }: { readonly of: Session }): ReactNode {
  if (account === null) return <span className="break">{actor}</span>;
  return (
    <>
      <AccountLink id={account} />{" "}
      <span className="soft small">
        by {key === null ? "a link" : <span className="mono break">{key}</span>}
      </span>
    </>
  );
}

function EndSession({ of, onClose }: { readonly of: Session; readonly onClose: () => void }): ReactNode {
  return (
    <ConfirmDialog
      title={`Sign out ${of.actor ?? of.account ?? ""}?`}
      text="The browser's next request is refused. Whoever has a key or a token can sign in again: revoke it to keep them out."
      action="Sign out"
      run={() => OPERATOR.endSession({ session: of.id })}
      stale={[["sessions"]]}
      onClose={onClose}
    />
  );
}
