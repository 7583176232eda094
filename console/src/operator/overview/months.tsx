import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { MonthReport } from "../../../../src/client/generated/types.ts";
import { DownloadLink } from "../../design/button.tsx";
import { Card, Notice } from "../../design/card.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { creditWords, showCount } from "../../formats/credits.ts";
import { OPERATOR, operatorCsvHref } from "../operator-api.ts";

type Row = MonthReport["rows"][number];

const COLUMNS: readonly (readonly [head: string, of: (row: Row) => number])[] = [
  ["Sold", ({ sold }) => sold],
  ["Given", ({ promo }) => promo],
  ["Burned", ({ burned }) => burned],
  ["Refunded", ({ refunded }) => refunded],
  ["Expired", ({ expired }) => expired],
  ["Adjusted", ({ adjusted }) => adjusted],
  ["Uncollected", ({ uncollected }) => uncollected],
  ["Outstanding", ({ outstanding }) => outstanding],
];

/** What was sold, burned, given back, expired and is outstanding, by month of UTC. */
export function Months({ creditType }: { readonly creditType: string }): ReactNode {
  const report = useQuery({
    queryKey: ["months", creditType],
    queryFn: ({ signal }) => OPERATOR.getMonthReport({ creditType }, { signal }),
  });
  const rows = report.data?.rows.filter((row) => row.creditType === creditType).toReversed() ?? [];
  return (
    <Card
      title={`${creditWords(creditType)} by month`.replace(/^./, (first) => first.toUpperCase())}
      note="months of UTC; outstanding is the sum of all balances at the month's end"
      actions={<DownloadLink href={operatorCsvHref("/v1/reports/months", { creditType })}>CSV</DownloadLink>}
      flush
    >
      {report.isPending ? (
        <Loading lines={6} />
      ) : report.isError ? (
        <Failed error={report.error} again={() => void report.refetch()} />
      ) : rows.length === 0 ? (
        <Empty title="No month yet" />
      ) : (
        <>
          {report.data.completeUntil === null ? null : (
            <Notice tone="warn">
              <span>
                Counted until <Moment at={report.data.completeUntil} />: the roll-up is behind.
              </span>
            </Notice>
          )}
          <Table
            caption="Credits by month, the newest first"
            rows={rows}
            keyOf={({ month }) => month}
            columns={[
              { head: "Month", cell: ({ month }) => <strong className="number">{month}</strong> },
              ...COLUMNS.map(([head, of]) => ({
                head,
                isNumber: true,
                cell: (row: Row) => <Amount of={of(row)} />,
              })),
              { head: "Refused calls", isNumber: true, cell: ({ refused }) => showCount(refused) },
            ]}
          />
        </>
      )}
    </Card>
  );
}
