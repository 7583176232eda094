import type { ReactNode } from "react";
import type { Overview } from "../../../../src/client/generated/customer-types.ts";
import { Card } from "../../design/card.tsx";
import { Table } from "../../design/table.tsx";
import { showCount } from "../../formats/credits.ts";

const NAMED: Readonly<Record<number, string>> = {
  1: "a second",
  60: "a minute",
  3600: "an hour",
  86_400: "a day",
};

const windowWords = (seconds: number): string => NAMED[seconds] ?? `in ${showCount(seconds)} seconds`;

/** How fast the account may call. */
export function Limits({ limits }: { readonly limits: Overview["limits"] }): ReactNode {
  if (limits.length === 0) return null;
  return (
    <Card title="Limits in force" note="Calls above them are refused with 429 and cost nothing." flush>
      <Table
        caption="Request limits in force"
        rows={limits}
        keyOf={(limit) => `${limit.source} ${limit.by} ${limit.match} ${limit.windowSeconds}`}
        columns={[
          {
            head: "Requests",
            cell: ({ match }) =>
              match === "*" ? "All requests together" : <span className="mono">{match}</span>,
          },
          {
            head: "At most",
            isNumber: true,
            cell: ({ requests, counts, windowSeconds }) =>
              `${showCount(requests)} ${counts === "results" ? "results " : ""}${windowWords(windowSeconds)}`,
          },
          { head: "Counted for", cell: ({ by }) => (by === "key" ? "each key" : "the account") },
          {
            head: "Set by",
            cell: ({ source }) => (source === "plan" ? "your plan" : "the API, for everyone"),
          },
        ]}
      />
    </Card>
  );
}
