import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { Button } from "../../design/button.tsx";
import { Badge, Card, Notice } from "../../design/card.tsx";
import { Empty } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Amount } from "../../formats/amount.tsx";
import { showCount, showMany } from "../../formats/credits.ts";
import { showMoment } from "../../formats/times.ts";
import { type TrafficLine, useTraffic } from "./use-traffic.ts";

/** The requests of this start as they end. */
export function LiveTraffic(): ReactNode {
  const [isWatching, setWatching] = useState(true);
  const { lines, isOpen, missed } = useTraffic(isWatching);
  return (
    <Card
      title="Live"
      note="Requests of this start as they end, with all its workers; other instances show their own."
      actions={
        <>
          <Badge tone={isOpen ? "good" : "plain"}>
            {isOpen ? "watching" : isWatching ? "connecting" : "paused"}
          </Badge>
          <Button size="small" onClick={() => setWatching(!isWatching)}>
            {isWatching ? "Pause" : "Go on"}
          </Button>
        </>
      }
      flush
    >
      {missed === 0 ? null : (
        <Notice tone="warn">{showMany(missed, "request")} came faster than they could be shown.</Notice>
      )}
      {lines.length === 0 ? (
        <Empty title={isWatching ? "Nothing was asked yet" : "Paused"} />
      ) : (
        <Table
          caption="Requests as they ended, the newest first"
          rows={lines}
          keyOf={({ requestId }) => requestId}
          columns={COLUMNS}
        />
      )}
    </Card>
  );
}

const COLUMNS = [
  { head: "Time", cell: ({ at }: TrafficLine) => <span className="number">{showMoment(at)}</span> },
  {
    head: "Account",
    cell: ({ account }: TrafficLine) =>
      account === null ? null : (
        <Link to={`/accounts/${account}`} className="mono small">
          {account}
        </Link>
      ),
  },
  {
    head: "Endpoint",
    cell: ({ method, endpoint }: TrafficLine) => (
      <span className="mono break">{endpoint ?? `${method} …`}</span>
    ),
  },
  {
    head: "Answer",
    cell: ({ status, refusal }: TrafficLine) => (
      <span>
        <Badge tone={status >= 500 || status === 0 ? "bad" : status >= 400 ? "warn" : "good"}>
          {status === 0 ? "left" : status}
        </Badge>{" "}
        <span className="small soft break">{refusal}</span>
      </span>
    ),
  },
  { head: "ms", isNumber: true, cell: ({ ms }: TrafficLine) => showCount(Math.round(ms)) },
  {
    head: "Charged",
    isNumber: true,
    cell: ({ charged, requestId }: TrafficLine) =>
      charged === 0 ? (
        <Amount of={0} />
      ) : (
        <Link to={`/calls/${encodeURIComponent(requestId)}`}>
          <Amount of={charged} />
        </Link>
      ),
  },
] as const;
