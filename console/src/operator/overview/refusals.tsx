import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useSearchParams } from "react-router";
import { DownloadLink } from "../../design/button.tsx";
import { Card } from "../../design/card.tsx";
import { Choice } from "../../design/field.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { showCount } from "../../formats/credits.ts";
import { withParam } from "../../formats/with-param.ts";
import { OPERATOR, operatorCsvHref } from "../operator-api.ts";

/** What was refused in one month of UTC, by code. */
export function Refusals(): ReactNode {
  const [params, setParams] = useSearchParams();
  const report = useQuery({
    queryKey: ["refusals"],
    queryFn: ({ signal }) => OPERATOR.getRefusalReport({}, { signal }),
  });
  const all = report.data?.rows ?? [];
  const months = [...new Set(all.map(({ month }) => month))];
  const month = months.find((name) => name === params.get("refused")) ?? months[0];
  return (
    <Card
      title="Refused calls"
      note="of all accounts, by month of UTC; instances add what they counted every few seconds"
      actions={
        <>
          {month === undefined ? null : (
            <Choice
              label="Month"
              value={month}
              options={months.map((name) => [name, name] as const)}
              onChange={(event) =>
                setParams((now) => withParam(now, "refused", event.target.value), { replace: true })
              }
            />
          )}
          <DownloadLink href={operatorCsvHref("/v1/reports/refusals", {})}>CSV</DownloadLink>
        </>
      }
      flush
    >
      {report.isPending ? (
        <Loading lines={3} />
      ) : report.isError ? (
        <Failed error={report.error} again={() => void report.refetch()} />
      ) : all.length === 0 ? (
        <Empty title="Nothing was refused" />
      ) : (
        <Table
          caption={`Refused calls of ${month ?? ""}, what was refused most first`}
          rows={all.filter((row) => row.month === month)}
          keyOf={({ code, creditType }) => `${code} ${creditType ?? ""}`}
          columns={[
            { head: "Why", cell: ({ code }) => <span className="mono break">{code}</span> },
            { head: "Credit type", cell: ({ creditType }) => creditType ?? "" },
            { head: "Calls", isNumber: true, cell: ({ requests }) => showCount(requests) },
          ]}
        />
      )}
    </Card>
  );
}
