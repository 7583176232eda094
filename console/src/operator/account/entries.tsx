import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import type { Entry } from "../../../../src/client/generated/types.ts";
import { Button, DownloadLink } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { Choice } from "../../design/field.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { SETTINGS } from "../../session/base.ts";
import { OPERATOR, operatorCsvHref } from "../operator-api.ts";
import { RefundCharge } from "./refund-charge.tsx";

/** The ledger's lines of one pool, the newest first; charges can be refunded from here. */
export function AccountEntries({
  id,
  mayRefund,
}: {
  readonly id: string;
  readonly mayRefund: boolean;
}): ReactNode {
  const [creditType, setCreditType] = useState(SETTINGS.creditTypes[0] ?? "credits");
  const [refunded, setRefunded] = useState<Entry>();
  const entries = useInfiniteQuery({
    queryKey: ["entries", id, creditType],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      OPERATOR.listEntries({ account: id, creditType, limit: 25, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const list = entries.data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <Card
      title="Entries"
      actions={
        <>
          {SETTINGS.creditTypes.length > 1 ? (
            <Choice
              label="Credit type"
              value={creditType}
              options={SETTINGS.creditTypes.map((type) => [type, type] as const)}
              onChange={(event) => setCreditType(event.target.value)}
            />
          ) : null}
          <DownloadLink
            href={operatorCsvHref(`/v1/accounts/${encodeURIComponent(id)}/entries`, { creditType })}
          >
            CSV
          </DownloadLink>
        </>
      }
      flush
    >
      {entries.isPending ? (
        <Loading />
      ) : entries.isError ? (
        <Failed error={entries.error} again={() => void entries.refetch()} />
      ) : list.length === 0 ? (
        <Empty title="No entry yet" />
      ) : (
        <Table
          caption="Entries of the pool, the newest first"
          rows={list}
          keyOf={({ seq }) => String(seq)}
          columns={[
            { head: "Time", cell: ({ at }) => <Moment at={at} /> },
            { head: "Kind", cell: ({ kind }) => <Badge>{kind}</Badge> },
            { head: "For", cell: (entry) => <What of={entry} /> },
            { head: "Amount", isNumber: true, cell: ({ amount }) => <Amount of={amount} signed /> },
            { head: "Balance", isNumber: true, cell: ({ balance }) => <Amount of={balance} /> },
            {
              head: "Refund",
              cell: (entry) =>
                mayRefund && entry.kind === "charge" && entry.amount !== 0 ? (
                  <Button size="small" onClick={() => setRefunded(entry)}>
                    Refund<span className="unseen"> entry {entry.seq}</span>
                  </Button>
                ) : null,
            },
          ]}
          foot={
            entries.hasNextPage ? (
              <Button onClick={() => void entries.fetchNextPage()} busy={entries.isFetchingNextPage}>
                Show older entries
              </Button>
            ) : null
          }
        />
      )}
      {refunded === undefined ? null : (
        <RefundCharge account={id} entry={refunded} onClose={() => setRefunded(undefined)} />
      )}
    </Card>
  );
}

function What({
  of: { endpoint, requestId, reason, grant, uncollected },
}: {
  readonly of: Entry;
}): ReactNode {
  return (
    <span className="break">
      {endpoint === null ? null : <span className="mono">{endpoint}</span>}
      {reason === null ? null : <span> {reason}</span>}
      {endpoint === null && reason === null ? <span className="soft small">{grant ?? ""}</span> : null}
      {uncollected === 0 ? null : (
        <Badge tone="warn">
          <Amount of={uncollected} /> uncollected
        </Badge>
      )}
      {requestId === null ? null : (
        <>
          {" "}
          <Link to={`/calls/${encodeURIComponent(requestId)}`} className="small mono">
            {requestId}
          </Link>
        </>
      )}
    </span>
  );
}
