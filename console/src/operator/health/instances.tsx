import type { ReactNode } from "react";
import type { Health } from "../../../../src/client/generated/types.ts";
import { Badge, Card } from "../../design/card.tsx";
import { Empty } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Moment } from "../../formats/amount.tsx";
import { showCount } from "../../formats/credits.ts";

/** The processes that the database has heard of. */
export function Instances({ of }: { readonly of: Health["instances"] }): ReactNode {
  return (
    <Card
      title="Instances"
      note="Those that live, and those that ended within an hour. Each has a lane in each shard that it writes to."
      flush
    >
      {of.length === 0 ? (
        <Empty title="None has a lane" />
      ) : (
        <Table
          caption="Instances and their lanes"
          rows={of}
          keyOf={({ id }) => id}
          columns={[
            { head: "Instance", cell: ({ id }) => <span className="mono break">{id}</span> },
            {
              head: "State",
              cell: ({ state }) =>
                state === "live" ? <Badge tone="good">live</Badge> : <Badge>ended</Badge>,
            },
            { head: "Started", cell: ({ startedAt }) => <Moment at={startedAt} /> },
            { head: "Last seen", cell: ({ seenAt }) => <Moment at={seenAt} as="distance" /> },
            { head: "Lanes", isNumber: true, cell: ({ shards }) => showCount(shards) },
          ]}
        />
      )}
    </Card>
  );
}
