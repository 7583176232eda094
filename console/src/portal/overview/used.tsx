import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { Link, useSearchParams } from "react-router";
import type { Overview } from "../../../../src/client/generated/customer-types.ts";
import { BarChart } from "../../charts/bar-chart.tsx";
import { ShareBars } from "../../charts/share-bars.tsx";
import { DownloadLink } from "../../design/button.tsx";
import { Card } from "../../design/card.tsx";
import { Segments } from "../../design/segments.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Moment } from "../../formats/amount.tsx";
import {
  creditWords,
  showCount,
  showCredits,
  showMany,
  sumCredits,
  toCredits,
} from "../../formats/credits.ts";
import { showDate, showDay, showHour, showMinute, showMonth, TIME_ZONE } from "../../formats/times.ts";
import { withParam } from "../../formats/with-param.ts";
import { ACCOUNT, csvHref } from "../account-api.ts";

type Resolution = "hour" | "day" | "month";

const RESOLUTIONS = [
  ["hour", "Hours"],
  ["day", "Days"],
  ["month", "Months"],
] as const;
const PERIODS = { hour: "the last 24 hours", day: "the last 30 days", month: "the last 12 months" } as const;

interface Sums {
  readonly creditType: string;
  readonly requests: number;
  readonly credits: number;
  readonly refunded: number;
}

interface Shown {
  readonly completeUntil: string | null;
  readonly times: readonly (Sums & { readonly time: string })[];
  readonly endpoints: readonly (Sums & { readonly endpoint: string })[];
  readonly keys: readonly (Sums & { readonly key: string })[];
}

/** What was used over time, and on what. Refunds are taken off. */
export function Used({
  data,
  creditType,
}: {
  readonly data: Overview;
  readonly creditType: string;
}): ReactNode {
  const [params, setParams] = useSearchParams();
  const resolution = RESOLUTIONS.find(([name]) => name === params.get("by"))?.[0] ?? "day";
  const others = useQuery({
    queryKey: ["used", resolution],
    enabled: resolution !== "day",
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => readOthers(resolution, signal),
  });
  const shown: Shown | undefined =
    resolution === "day" ? { ...data.usage, times: data.usage.days } : others.data;
  const completeUntil =
    resolution === "day" ? data.usage.completeUntil : (others.data?.completeUntil ?? null);
  const csv = csvHref("usage", { resolution, timeZone: TIME_ZONE, groupBy: "endpoint,key" });
  return (
    <>
      <Card
        title={`Used ${creditWords(creditType)}`}
        note={`${PERIODS[resolution]}, in ${TIME_ZONE}; refunds are taken off`}
        actions={
          <>
            <Segments
              label="Used by"
              value={resolution}
              options={RESOLUTIONS}
              onChange={(by) => setParams((now) => withParam(now, "by", by), { replace: true })}
            />
            <DownloadLink href={csv}>CSV</DownloadLink>
          </>
        }
      >
        {completeUntil !== null ? (
          <p className="soft small">
            Counted until <Moment at={completeUntil} />: very much was used just now, and is counted soon.
          </p>
        ) : null}
        {shown === undefined ? (
          others.isError ? (
            <Failed error={others.error} again={() => void others.refetch()} />
          ) : (
            <Loading />
          )
        ) : (
          <OverTime
            rows={shown.times.filter(ofType(creditType))}
            resolution={resolution}
            creditType={creditType}
          />
        )}
      </Card>
      {shown === undefined ? null : <OnWhat shown={shown} creditType={creditType} names={data.usage.keys} />}
    </>
  );
}

const ofType =
  (creditType: string) =>
  (row: Sums): boolean =>
    row.creditType === creditType;

const netOf = ({ credits, refunded }: Sums): bigint => toCredits(credits) - toCredits(refunded);

const LABELS = { hour: showHour, day: showDay, month: showMonth } as const;
const TITLES = { hour: showMinute, day: showDate, month: showMonth } as const;

function OverTime({
  rows,
  resolution,
  creditType,
}: {
  readonly rows: Shown["times"];
  readonly resolution: Resolution;
  readonly creditType: string;
}): ReactNode {
  const bars = useMemo(
    () =>
      rows.map((row) => {
        const amount = netOf(row);
        const text = `${TITLES[resolution](row.time)}: ${showCredits(amount)} ${creditWords(creditType, amount)}, ${showMany(row.requests, "call")}`;
        return { id: row.time, label: LABELS[resolution](row.time), amount, text };
      }),
    [rows, resolution, creditType],
  );
  const total = sumCredits(bars.map(({ amount }) => amount));
  if (total === 0n && rows.every(({ requests }) => requests === 0)) {
    return (
      <Empty title="Nothing was used in this time">
        <p>Calls that cost something appear here within a second.</p>
      </Empty>
    );
  }
  return (
    <div className="stack">
      <p>
        <span className="figure-small">{showCredits(total)}</span>{" "}
        <span className="soft">{creditWords(creditType, total)} in all</span>
      </p>
      <BarChart label={`Used ${creditWords(creditType)}`} bars={bars} />
      <details>
        <summary className="small">As a table</summary>
        <Table
          caption={`Used ${creditWords(creditType)}`}
          rows={[...rows].reverse()}
          keyOf={({ time }) => time}
          columns={[
            { head: "Time", cell: ({ time }) => TITLES[resolution](time) },
            { head: "Calls", isNumber: true, cell: ({ requests }) => showCount(requests) },
            { head: "Credits", isNumber: true, cell: ({ credits }) => showCredits(toCredits(credits)) },
            { head: "Refunded", isNumber: true, cell: ({ refunded }) => showCredits(toCredits(refunded)) },
          ]}
        />
      </details>
    </div>
  );
}

function OnWhat({
  shown,
  creditType,
  names,
}: {
  readonly shown: Shown;
  readonly creditType: string;
  readonly names: Overview["usage"]["keys"];
}): ReactNode {
  const nameOf = new Map(names.map(({ key, name, hint }) => [key, name === "" ? hint : name]));
  const filter = ofType(creditType);
  const endpoints = shown.endpoints.filter(filter);
  const keys = shown.keys.filter(filter);
  if (endpoints.length === 0) return null;
  const link = (name: "endpoint" | "key", value: string, text: string): ReactNode => (
    <Link to={`/statement?${new URLSearchParams({ credit: creditType, [name]: value })}`}>{text}</Link>
  );
  return (
    <div className="columns">
      <Card title="By endpoint">
        <ShareBars
          rows={endpoints.map((row) => ({
            id: row.endpoint,
            name: <span className="mono">{link("endpoint", row.endpoint, row.endpoint)}</span>,
            note: showMany(row.requests, "call"),
            amount: netOf(row),
          }))}
        />
      </Card>
      <Card title="By key">
        <ShareBars
          rows={keys.map((row) => ({
            id: row.key,
            name: link("key", row.key, nameOf.get(row.key) ?? row.key),
            note: showMany(row.requests, "call"),
            amount: netOf(row),
          }))}
        />
      </Card>
    </div>
  );
}

async function readOthers(resolution: Resolution, signal: AbortSignal): Promise<Shown> {
  const times = await ACCOUNT.getUsage({ resolution, timeZone: TIME_ZONE, groupBy: "" }, { signal });
  const { from, to } = times;
  const [endpoints, keys] = await Promise.all([
    ACCOUNT.getUsage({ from, to, timeZone: TIME_ZONE, groupBy: "endpoint" }, { signal }),
    ACCOUNT.getUsage({ from, to, timeZone: TIME_ZONE, groupBy: "key" }, { signal }),
  ]);
  return {
    completeUntil: times.completeUntil,
    times: times.rows.map((row) => ({ ...row, time: row.time ?? "" })),
    endpoints: endpoints.rows.map((row) => ({ ...row, endpoint: row.endpoint ?? "" })),
    keys: keys.rows.map((row) => ({ ...row, key: row.key ?? "" })),
  };
}
