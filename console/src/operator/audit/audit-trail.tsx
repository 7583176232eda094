import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useSearchParams } from "react-router";
import { Button, DownloadLink } from "../../design/button.tsx";
import { Card } from "../../design/card.tsx";
import { TextField } from "../../design/field.tsx";
import { Page } from "../../design/page.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Moment } from "../../formats/amount.tsx";
import { readDay } from "../../formats/read-day.ts";
import { withParam } from "../../formats/with-param.ts";
import { AccountLink } from "../account-link.tsx";
import { OPERATOR, operatorCsvHref } from "../operator-api.ts";

/** Who changed what, the newest first. */
export default function AuditTrail(): ReactNode {
  const [params, setParams] = useSearchParams();
  const set = (name: string, value: string): void =>
    setParams((now) => withParam(now, name, value), { replace: true });
  const text = (name: string): string | undefined => params.get(name) ?? undefined;
  const filter = {
    account: text("account"),
    action: text("action"),
    actor: text("actor"),
    target: text("target"),
    from: readDay(params.get("from"), 0),
    to: readDay(params.get("to"), 1),
  };
  const trail = useInfiniteQuery({
    queryKey: ["audit-trail", filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      OPERATOR.listAuditTrail({ ...filter, limit: 50, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const lines = trail.data?.pages.flatMap((page) => page.lines) ?? [];
  return (
    <Page
      title="Audit trail"
      lead="A line for each change by an operator or of a customer's keys."
      actions={<DownloadLink href={operatorCsvHref("/v1/audit-trail", filter)}>CSV</DownloadLink>}
    >
      <div className="filters">
        {(["account", "action", "actor", "target"] as const).map((name) => (
          <TextField
            key={name}
            label={{ account: "Account", action: "Action", actor: "Actor", target: "Target" }[name]}
            placeholder={
              { account: "acc_…", action: "account.close", actor: "operator", target: "key_…" }[name]
            }
            value={params.get(name) ?? ""}
            onChange={(event) => set(name, event.target.value)}
          />
        ))}
        <TextField
          label="From"
          type="date"
          value={params.get("from") ?? ""}
          onChange={(event) => set("from", event.target.value)}
        />
        <TextField
          label="Up to and with"
          type="date"
          value={params.get("to") ?? ""}
          onChange={(event) => set("to", event.target.value)}
        />
      </div>
      <Card title="Changes" flush>
        {trail.isPending ? (
          <Loading lines={8} />
        ) : trail.isError ? (
          <Failed error={trail.error} again={() => void trail.refetch()} />
        ) : lines.length === 0 ? (
          <Empty title="No change matches" />
        ) : (
          <Table
            caption="Changes, the newest first"
            rows={lines.map((line, index) => ({ ...line, index }))}
            keyOf={({ index }) => String(index)}
            columns={[
              { head: "Time", cell: ({ at }) => <Moment at={at} /> },
              { head: "Who", cell: ({ actor }) => <span className="break-words">{actor}</span> },
              { head: "What", cell: ({ action }) => <span className="mono">{action}</span> },
              {
                head: "Account",
                cell: ({ account }) => (account === null ? null : <AccountLink id={account} />),
              },
              {
                head: "Target",
                cell: ({ target }) => <span className="mono small break-words">{target ?? ""}</span>,
              },
              {
                head: "Asked for",
                cell: ({ detail }) => <span className="small soft break">{JSON.stringify(detail)}</span>,
              },
            ]}
            foot={
              trail.hasNextPage ? (
                <Button onClick={() => void trail.fetchNextPage()} busy={trail.isFetchingNextPage}>
                  Show older changes
                </Button>
              ) : null
            }
          />
        )}
      </Card>
    </Page>
  );
}
