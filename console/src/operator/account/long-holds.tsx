import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { LongHold } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { ConfirmDialog } from "../../design/confirm-dialog.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { showCredits, showMany, toCredits } from "../../formats/credits.ts";
import { OPERATOR } from "../operator-api.ts";

const TONES = { open: "good", settled: "plain", released: "plain", expired: "warn" } as const;

/** What the account's jobs of hours hold and were charged, the newest first. */
export function LongHolds({
  id,
  mayRelease,
}: {
  readonly id: string;
  readonly mayRelease: boolean;
}): ReactNode {
  const [released, setReleased] = useState<LongHold>();
  const holds = useInfiniteQuery({
    queryKey: ["long-holds", id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      OPERATOR.listLongHolds({ account: id, limit: 10, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const list = holds.data?.pages.flatMap((page) => page.longHolds) ?? [];
  return (
    <Card title="Long holds" note="Credits for jobs of hours, which are charged in parts." flush>
      {holds.isPending ? (
        <Loading lines={2} />
      ) : holds.isError ? (
        <Failed error={holds.error} again={() => void holds.refetch()} />
      ) : list.length === 0 ? (
        <Empty title="No long hold in the last month" />
      ) : (
        <LongHoldTable
          holds={list}
          onRelease={mayRelease ? setReleased : undefined}
          foot={
            holds.hasNextPage ? (
              <Button onClick={() => void holds.fetchNextPage()} busy={holds.isFetchingNextPage}>
                Show older long holds
              </Button>
            ) : null
          }
        />
      )}
      {released === undefined ? null : (
        <ReleaseLongHold account={id} of={released} onClose={() => setReleased(undefined)} />
      )}
    </Card>
  );
}

function LongHoldTable({
  holds,
  onRelease,
  foot,
}: {
  readonly holds: readonly LongHold[];
  readonly onRelease: ((hold: LongHold) => void) | undefined;
  readonly foot: ReactNode;
}): ReactNode {
  return (
    <Table
      caption="Long holds of the account"
      rows={holds}
      keyOf={({ requestId }) => requestId}
      columns={[
        {
          head: "Job",
          cell: ({ id, endpoint }) => (
            <span>
              <span className="break">{id}</span>
              <br />
              <span className="soft small">{endpoint}</span>
            </span>
          ),
        },
        { head: "Key", cell: ({ key }) => <span className="mono small">{key}</span> },
        { head: "State", cell: ({ state }) => <Badge tone={TONES[state]}>{state}</Badge> },
        { head: "Since", cell: ({ createdAt }) => <Moment at={createdAt} /> },
        { head: "Until", cell: ({ expiresAt }) => <Moment at={expiresAt} /> },
        {
          head: "Held",
          isNumber: true,
          cell: ({ held, asked, creditType }) => (
            <span>
              <Amount of={held} /> of <Amount of={asked} /> {creditType}
            </span>
          ),
        },
        {
          head: "Charged",
          isNumber: true,
          cell: ({ charged, parts }) => (
            <span>
              <Amount of={charged} /> in {showMany(parts, "part")}
            </span>
          ),
        },
        {
          head: "Release",
          cell: (hold) =>
            onRelease !== undefined && hold.state === "open" ? (
              <Button size="small" onClick={() => onRelease(hold)}>
                Release<span className="unseen"> {hold.id}</span>
              </Button>
            ) : null,
        },
      ]}
      foot={foot}
    />
  );
}

function ReleaseLongHold({
  account,
  of: hold,
  onClose,
}: {
  readonly account: string;
  readonly of: LongHold;
  readonly onClose: () => void;
}): ReactNode {
  const { id, held, charged, creditType, parts, requestId } = hold;
  const free = `${showCredits(toCredits(held))} ${creditType}`;
  const stays = `${showCredits(toCredits(charged))} ${creditType} of ${showMany(parts, "part")}`;
  return (
    <ConfirmDialog
      title={`Release ${id}?`}
      text={`${free} become free, and ${stays} stay charged. Whoever runs the job cannot settle it any more: what it does from now on is not paid.`}
      action="Release the hold"
      run={() => OPERATOR.releaseLongHold({ account, hold: requestId })}
      stale={[
        ["long-holds", account],
        ["balances", account],
      ]}
      onClose={onClose}
    />
  );
}
