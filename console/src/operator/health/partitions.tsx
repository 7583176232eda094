import type { ReactNode } from "react";
import type { Health } from "../../../../src/client/generated/types.ts";
import { Card, Notice } from "../../design/card.tsx";
import { Table } from "../../design/table.tsx";
import { showCount } from "../../formats/credits.ts";

/** Where the entries of each month lie. */
export function Partitions({ of }: { readonly of: Health }): ReactNode {
  return (
    <Card title="Partitions" note="of the entries, a month of UTC each" flush>
      {of.defaultPartitionEmpty ? null : (
        <div className="card-body">
          <Notice tone="warn">
            Entries lie in the default partition: their month's was not made in time.
          </Notice>
        </div>
      )}
      <Table
        caption="Partitions of the entries"
        rows={of.partitions}
        keyOf={({ name }) => name}
        columns={[
          { head: "Partition", cell: ({ name }) => <span className="mono break">{name}</span> },
          { head: "Months", cell: ({ bounds }) => boundsInWords(bounds) },
          {
            head: "Entries, about",
            isNumber: true,
            cell: ({ entries }) => (entries === null ? "not known yet" : showCount(entries)),
          },
        ]}
      />
    </Card>
  );
}

/** As Postgres writes them: `FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')`. */
function boundsInWords(bounds: string): string {
  if (bounds === "DEFAULT") return "all others";
  const [from, to] = Array.from(bounds.matchAll(/'(\d{4}-\d{2}-\d{2})/g), ([, date]) => date);
  return from === undefined || to === undefined ? bounds : `from ${from} to ${to}`;
}
