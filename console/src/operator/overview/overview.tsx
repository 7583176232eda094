import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useSearchParams } from "react-router";
import type { Usage } from "../../../../src/client/generated/types.ts";
import { BarChart } from "../../charts/bar-chart.tsx";
import { ShareBars } from "../../charts/share-bars.tsx";
import { Card } from "../../design/card.tsx";
import { Page } from "../../design/page.tsx";
import { Segments } from "../../design/segments.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { creditWords, showCredits, showMany, sumCredits, toCredits } from "../../formats/credits.ts";
import { showDate, showDay, TIME_ZONE } from "../../formats/times.ts";
import { withParam } from "../../formats/with-param.ts";
import { SETTINGS } from "../../session/base.ts";
import { AccountLink } from "../account-link.tsx";
import { OPERATOR } from "../operator-api.ts";
import { Months } from "./months.tsx";
import { Refusals } from "./refusals.tsx";
import { RunningOut } from "./running-out.tsx";

/** How many of the accounts that use most are named. */
const TOP = 10;

/** What all accounts used in the last 30 days, who used it and on what. */
export function Overview(): ReactNode {
  const [params, setParams] = useSearchParams();
  const asked = params.get("credit");
  const creditType =
    SETTINGS.creditTypes.find((type) => type === asked) ?? SETTINGS.creditTypes[0] ?? "credits";
  const days = useQuery({
    queryKey: ["all-usage", "day"],
    queryFn: ({ signal }) =>
      OPERATOR.getAllUsage({ resolution: "day", timeZone: TIME_ZONE, groupBy: "" }, { signal }),
  });
  return (
    <Page
      title="Overview"
      lead="What all accounts bought and used."
      actions={
        SETTINGS.creditTypes.length > 1 ? (
          <Segments
            label="Credit type"
            value={creditType}
            options={SETTINGS.creditTypes.map((type) => [type, type] as const)}
            onChange={(type) => setParams((now) => withParam(now, "credit", type), { replace: true })}
          />
        ) : undefined
      }
    >
      <Months creditType={creditType} />
      <RunningOut creditType={creditType} />
      <Card title={`Used ${creditWords(creditType)}`} note="the last 30 days, all accounts together">
        {days.isPending ? (
          <Loading lines={6} />
        ) : days.isError ? (
          <Failed error={days.error} again={() => void days.refetch()} />
        ) : (
          <OverTime
            rows={days.data.rows.filter((row) => row.creditType === creditType)}
            creditType={creditType}
          />
        )}
      </Card>
      <div className="columns">
        <Shares title="Accounts that use most" by="account" creditType={creditType} />
        <Shares title="By endpoint" by="endpoint" creditType={creditType} />
      </div>
      <Refusals />
    </Page>
  );
}

type Row = Usage["rows"][number];

const netOf = ({ credits, refunded }: Row): bigint => toCredits(credits) - toCredits(refunded);

function OverTime({
  rows,
  creditType,
}: {
  readonly rows: readonly Row[];
  readonly creditType: string;
}): ReactNode {
  const total = sumCredits(rows.map(netOf));
  const calls = rows.reduce((sum, { requests }) => sum + requests, 0);
  if (calls === 0) return <Empty title="Nothing was used in this time" />;
  return (
    <div className="stack">
      <p>
        <span className="figure-small">{showCredits(total)}</span>{" "}
        <span className="soft">
          {creditWords(creditType, total)} in {showMany(calls, "call")}
        </span>
      </p>
      <BarChart
        label={`Used ${creditWords(creditType)} by day`}
        bars={rows.map((row) => {
          const amount = netOf(row);
          const time = row.time ?? "";
          return {
            id: time,
            label: showDay(time),
            amount,
            text: `${showDate(time)}: ${showCredits(amount)} ${creditWords(creditType, amount)}, ${showMany(row.requests, "call")}`,
          };
        })}
      />
    </div>
  );
}

function Shares({
  title,
  by,
  creditType,
}: {
  readonly title: string;
  readonly by: "account" | "endpoint";
  readonly creditType: string;
}): ReactNode {
  const usage = useQuery({
    queryKey: ["all-usage", by, creditType],
    queryFn: ({ signal }) =>
      OPERATOR.getAllUsage({ creditType, groupBy: by, timeZone: TIME_ZONE }, { signal }),
  });
  return (
    <Card title={title}>
      {usage.isPending ? (
        <Loading lines={4} />
      ) : usage.isError ? (
        <Failed error={usage.error} again={() => void usage.refetch()} />
      ) : usage.data.rows.length === 0 ? (
        <Empty title="Nothing was used" />
      ) : (
        <ShareBars
          rows={usage.data.rows.slice(0, TOP).map((row) => ({
            id: row[by] ?? "",
            name:
              by === "account" ? (
                <AccountLink id={row.account ?? ""} />
              ) : (
                <span className="mono">{row.endpoint}</span>
              ),
            note: showMany(row.requests, "call"),
            amount: netOf(row),
          }))}
        />
      )}
    </Card>
  );
}
