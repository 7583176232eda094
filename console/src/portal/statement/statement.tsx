import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import type { Entry } from "../../../../src/client/generated/customer-types.ts";
import { Button, DownloadLink } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { Choice, TextField } from "../../design/field.tsx";
import { Page } from "../../design/page.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { type Column, Table } from "../../design/table.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { showMany } from "../../formats/credits.ts";
import { readDay } from "../../formats/read-day.ts";
import { withParam } from "../../formats/with-param.ts";
import { SETTINGS } from "../../session/base.ts";
import { ACCOUNT, csvHref } from "../account-api.ts";
import { type KeyName, useKeyNames } from "./key-names.ts";

type Kind = Entry["kind"];

const KINDS: readonly (readonly [Kind, string])[] = [
  ["grant", "Grant"],
  ["charge", "Charge"],
  ["refund", "Refund"],
  ["expiry", "Expiry"],
  ["adjustment", "Adjustment"],
];
const TONES = {
  grant: "good",
  charge: "plain",
  refund: "good",
  expiry: "warn",
  adjustment: "plain",
} as const;

const PAGE = 50;

/** Every line of a pool, the newest first. The filters are in the address, so a link shows the same. */
export default function Statement(): ReactNode {
  const [params, setParams] = useSearchParams();
  const set = (name: string, value: string): void =>
    setParams((now) => withParam(now, name, value), { replace: true });
  const creditType = params.get("credit") ?? SETTINGS.creditTypes[0] ?? "credits";
  const kind = KINDS.find(([name]) => name === params.get("kind"))?.[0];
  const filter = {
    creditType,
    kind,
    endpoint: params.get("endpoint") ?? undefined,
    key: params.get("key") ?? undefined,
    from: readDay(params.get("from"), 0),
    to: readDay(params.get("to"), 1),
  };
  const isFiltered = ["kind", "endpoint", "key", "from", "to"].some((name) => params.has(name));
  const keys = useKeyNames();
  const lines = useInfiniteQuery({
    queryKey: ["entries", filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      ACCOUNT.listEntries({ ...filter, limit: PAGE, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const entries = lines.data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <Page
      title="Statement"
      lead="Every change of your credits, with the balance after it."
      actions={<DownloadLink href={csvHref("entries", filter)}>Download CSV</DownloadLink>}
    >
      <Card title="Filters">
        <div className="filters">
          {SETTINGS.creditTypes.length > 1 ? (
            <Choice
              label="Credit type"
              value={creditType}
              options={SETTINGS.creditTypes.map((type) => [type, type] as const)}
              onChange={(event) => set("credit", event.target.value)}
            />
          ) : null}
          <Choice
            label="Kind"
            value={kind ?? ""}
            options={[["", "All"], ...KINDS]}
            onChange={(event) => set("kind", event.target.value)}
          />
          <Choice
            label="Key"
            value={filter.key ?? ""}
            options={[["", "All"], ...keyOptions(keys, filter.key)]}
            onChange={(event) => set("key", event.target.value)}
          />
          <TextField
            label="Endpoint"
            placeholder="GET /v1/…"
            defaultValue={filter.endpoint ?? ""}
            key={filter.endpoint ?? ""}
            onBlur={(event) => set("endpoint", event.target.value.trim())}
            onKeyDown={(event) => {
              if (event.key === "Enter") set("endpoint", event.currentTarget.value.trim());
            }}
          />
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
          {isFiltered ? (
            <Button onClick={() => setParams({ credit: creditType }, { replace: true })}>Clear</Button>
          ) : null}
        </div>
      </Card>
      <Card title="Lines" flush>
        {lines.isPending ? (
          <Loading lines={8} />
        ) : lines.isError ? (
          <Failed error={lines.error} again={() => void lines.refetch()} />
        ) : entries.length === 0 && !lines.hasNextPage ? (
          <Empty title={isFiltered ? "No line matches these filters" : "No line yet"} />
        ) : (
          <Table
            caption="Lines of the statement, the newest first"
            columns={columnsFor(new Map(keys.map(({ id, name, hint }) => [id, name === "" ? hint : name])))}
            rows={entries}
            keyOf={({ creditType: type, seq }) => `${type} ${seq}`}
            foot={
              lines.hasNextPage ? (
                <Button onClick={() => void lines.fetchNextPage()} busy={lines.isFetchingNextPage}>
                  Show older lines
                </Button>
              ) : null
            }
          />
        )}
      </Card>
    </Page>
  );
}

function keyOptions(keys: readonly KeyName[], chosen: string | undefined): (readonly [string, string])[] {
  const known = keys.map(({ id, name, hint }) => [id, name === "" ? hint : `${name} (${hint})`] as const);
  return chosen === undefined || keys.some(({ id }) => id === chosen) ? known : [...known, [chosen, chosen]];
}

function columnsFor(names: ReadonlyMap<string, string>): readonly Column<Entry>[] {
  return [
    { head: "Time", cell: ({ at }) => <Moment at={at} /> },
    {
      head: "Kind",
      cell: ({ kind }) => (
        <Badge tone={TONES[kind]}>{KINDS.find(([name]) => name === kind)?.[1] ?? kind}</Badge>
      ),
    },
    { head: "For", cell: (entry) => <What entry={entry} /> },
    {
      head: "Key",
      cell: ({ key }) => (key === null ? null : <span className="break">{names.get(key) ?? key}</span>),
    },
    { head: "Amount", isNumber: true, cell: ({ amount }) => <Amount of={amount} signed /> },
    { head: "Balance", isNumber: true, cell: ({ balance }) => <Amount of={balance} /> },
  ];
}

function What({ entry }: { readonly entry: Entry }): ReactNode {
  const { endpoint, units, charge: call } = entry;
  if (endpoint === null) return <span className="soft small break">{entry.grant ?? ""}</span>;
  const shown = <span className="mono">{endpoint}</span>;
  return (
    <span className="break">
      {call === null ? shown : <Link to={`/calls/${encodeURIComponent(call)}`}>{shown}</Link>}
      {units !== null && units !== 1 ? (
        <span className="soft small"> {showMany(units, "result")}</span>
      ) : null}
    </span>
  );
}
