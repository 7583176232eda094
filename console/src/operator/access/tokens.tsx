import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Token } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { ConfirmDialog } from "../../design/confirm-dialog.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { OPERATOR } from "../operator-api.ts";
import { CreateToken } from "./create-token.tsx";

const TONES = { active: "good", expired: "warn", revoked: "bad" } as const;

/** The named tokens of the operator API. */
export function Tokens(): ReactNode {
  const [isCreating, setCreating] = useState(false);
  const [revoked, setRevoked] = useState<Token>();
  const tokens = useInfiniteQuery({
    queryKey: ["tokens"],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) => OPERATOR.listTokens({ limit: 25, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const list = tokens.data?.pages.flatMap((page) => page.tokens) ?? [];
  return (
    <Card
      title="Tokens"
      note="The operator token, which may do everything, is in a file and not in this list."
      actions={
        <Button size="small" onClick={() => setCreating(true)}>
          Create a token
        </Button>
      }
      flush
    >
      {tokens.isPending ? (
        <Loading lines={2} />
      ) : tokens.isError ? (
        <Failed error={tokens.error} again={() => void tokens.refetch()} />
      ) : list.length === 0 ? (
        <Empty title="No named token yet" />
      ) : (
        <Table
          caption="Named tokens, the newest first"
          rows={list}
          keyOf={({ id }) => id}
          columns={[
            { head: "Name", cell: ({ name }) => <span className="break">{name}</span> },
            { head: "Role", cell: ({ role, limits }) => <RoleWords role={role} limits={limits} /> },
            { head: "Token", cell: ({ hint }) => <span className="mono small">{hint}</span> },
            { head: "State", cell: ({ state }) => <Badge tone={TONES[state]}>{state}</Badge> },
            {
              head: "Last used",
              cell: ({ lastUsedAt }) =>
                lastUsedAt === null ? "never" : <Moment at={lastUsedAt} as="distance" />,
            },
            {
              head: "Revoke",
              cell: (token) =>
                token.state === "revoked" ? null : (
                  <Button size="small" onClick={() => setRevoked(token)}>
                    Revoke<span className="unseen"> {token.name}</span>
                  </Button>
                ),
            },
          ]}
          foot={
            tokens.hasNextPage ? (
              <Button onClick={() => void tokens.fetchNextPage()} busy={tokens.isFetchingNextPage}>
                Show older tokens
              </Button>
            ) : null
          }
        />
      )}
      {isCreating ? <CreateToken onClose={() => setCreating(false)} /> : null}
      {revoked === undefined ? null : <RevokeToken of={revoked} onClose={() => setRevoked(undefined)} />}
    </Card>
  );
}

function RoleWords({ role, limits }: Pick<Token, "role" | "limits">): ReactNode {
  if (limits === null) return role;
  return (
    <>
      {role}, gives <Amount of={limits.each} /> at once and <Amount of={limits.day} /> a day
    </>
  );
}

function RevokeToken({ of, onClose }: { readonly of: Token; readonly onClose: () => void }): ReactNode {
  return (
    <ConfirmDialog
      title={`Revoke ${of.name}?`}
      text="The next request with it is refused, and who is signed in by it is signed out, for good."
      action="Revoke for good"
      run={() => OPERATOR.revokeToken({ token: of.id })}
      stale={[["tokens"], ["sessions"]]}
      onClose={onClose}
    />
  );
}
