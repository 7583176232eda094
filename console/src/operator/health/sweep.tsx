import type { ReactNode } from "react";
import type { Health } from "../../../../src/client/generated/types.ts";
import { Badge, Card } from "../../design/card.tsx";
import { Empty } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Moment } from "../../formats/amount.tsx";

/** What runs beside the requests: when each step last succeeded, and what it failed with. */
export function Sweep({ of }: { readonly of: Health["sweep"] }): ReactNode {
  return (
    <Card title="Sweep" note="What runs by itself, on whichever instance comes first." flush>
      {of.length === 0 ? (
        <Empty title="No step ran yet" />
      ) : (
        <Table
          caption="Steps of the sweep"
          rows={of}
          keyOf={({ step }) => step}
          columns={[
            { head: "Step", cell: ({ step }) => step },
            {
              head: "Succeeded",
              cell: ({ succeededAt }) =>
                succeededAt === null ? "not yet" : <Moment at={succeededAt} as="distance" />,
            },
            {
              head: "State",
              cell: ({ succeededAt, failedAt, failure }) =>
                failedAt !== null && (succeededAt === null || failedAt > succeededAt) ? (
                  <span>
                    <Badge tone="bad">failing</Badge> <span className="small break">{failure}</span>
                  </span>
                ) : (
                  <Badge tone="good">well</Badge>
                ),
            },
          ]}
        />
      )}
    </Card>
  );
}
