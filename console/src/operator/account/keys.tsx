import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Key } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { ConfirmDialog } from "../../design/confirm-dialog.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Moment } from "../../formats/amount.tsx";
import { OPERATOR } from "../operator-api.ts";

const TONES = { active: "good", expired: "warn", revoked: "bad" } as const;

/** The account's keys, by hint. */
export function AccountKeys({
  id,
  mayRevoke,
}: {
  readonly id: string;
  readonly mayRevoke: boolean;
}): ReactNode {
  const [revoked, setRevoked] = useState<Key>();
  const keys = useInfiniteQuery({
    queryKey: ["keys", id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      OPERATOR.listKeys({ account: id, limit: 25, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const list = keys.data?.pages.flatMap((page) => page.keys) ?? [];
  return (
    <Card title="Keys" flush>
      {keys.isPending ? (
        <Loading lines={2} />
      ) : keys.isError ? (
        <Failed error={keys.error} again={() => void keys.refetch()} />
      ) : list.length === 0 ? (
        <Empty title="No key yet" />
      ) : (
        <Table
          caption="Keys of the account"
          rows={list}
          keyOf={({ id: key }) => key}
          columns={[
            { head: "Name", cell: ({ name }) => <span className="break">{name}</span> },
            { head: "Key", cell: ({ hint }) => <span className="mono small">{hint}</span> },
            { head: "State", cell: ({ state }) => <Badge tone={TONES[state]}>{state}</Badge> },
            {
              head: "Last used",
              cell: ({ lastUsedAt }) =>
                lastUsedAt === null ? "never" : <Moment at={lastUsedAt} as="distance" />,
            },
            {
              head: "Revoke",
              cell: (key) =>
                mayRevoke && key.state !== "revoked" ? (
                  <Button size="small" onClick={() => setRevoked(key)}>
                    Revoke<span className="unseen"> {key.hint}</span>
                  </Button>
                ) : null,
            },
          ]}
          foot={
            keys.hasNextPage ? (
              <Button onClick={() => void keys.fetchNextPage()} busy={keys.isFetchingNextPage}>
                Show more keys
              </Button>
            ) : null
          }
        />
      )}
      {revoked === undefined ? null : (
        <RevokeKey account={id} of={revoked} onClose={() => setRevoked(undefined)} />
      )}
    </Card>
  );
}

function RevokeKey({
  account,
  of: key,
  onClose,
}: {
  readonly account: string;
  readonly of: Key;
  readonly onClose: () => void;
}): ReactNode {
  return (
    <ConfirmDialog
      title={`Revoke ${key.name === "" ? key.hint : key.name}?`}
      text={`Every call with ${key.hint} is refused within 5 seconds, for good.`}
      action="Revoke for good"
      run={() => OPERATOR.revokeKey({ key: key.id })}
      stale={[["keys", account]]}
      onClose={onClose}
    />
  );
}
