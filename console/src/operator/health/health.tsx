import { useMutation, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Audit } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card, Notice } from "../../design/card.tsx";
import { Page } from "../../design/page.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Moment } from "../../formats/amount.tsx";
import { showMany } from "../../formats/credits.ts";
import { OPERATOR } from "../operator-api.ts";
import { Sweep } from "./sweep.tsx";

/** What runs here, and whether the books are right. */
export default function Health(): ReactNode {
  const instance = useQuery({
    queryKey: ["instance"],
    queryFn: ({ signal }) => OPERATOR.getInstance({}, { signal }),
  });
  return (
    <Page title="Health">
      <div className="columns">
        <Card title="This instance">
          {instance.isPending ? (
            <Loading lines={4} />
          ) : instance.isError ? (
            <Failed error={instance.error} again={() => void instance.refetch()} />
          ) : (
            <dl className="facts">
              <dt>Id</dt>
              <dd className="mono">{instance.data.id}</dd>
              <dt>Farebox</dt>
              <dd>{instance.data.version}</dd>
              <dt>Node.js</dt>
              <dd>{instance.data.node}</dd>
              <dt>Database</dt>
              <dd>
                {instance.data.database.kind === "pglite" ? "embedded" : "Postgres"}{" "}
                {instance.data.database.version}, migration {instance.data.database.migration}
              </dd>
              {instance.data.workers.length === 0 ? null : (
                <>
                  <dt>Workers</dt>
                  <dd>{instance.data.workers.map(({ id, pid }) => `${id} (process ${pid})`).join(", ")}</dd>
                </>
              )}
              <dt>Its clock</dt>
              <dd>
                <Moment at={instance.data.database.now} />
              </dd>
            </dl>
          )}
        </Card>
        <Books />
      </div>
      {instance.data === undefined ? null : <Sweep of={instance.data.sweep} />}
    </Page>
  );
}

/** Recomputing the books reads all of them: it is done when it is asked for. */
function Books(): ReactNode {
  const audit = useMutation({ mutationFn: () => OPERATOR.runAudit({}) });
  return (
    <Card title="The books" note="Recomputes every sum from its lines. Nothing is locked or written.">
      <div className="stack">
        <div>
          <Button onClick={() => audit.mutate()} busy={audit.isPending}>
            Audit now
          </Button>
        </div>
        <div aria-live="polite">
          {audit.isError ? <Failed error={audit.error} /> : null}
          {audit.data === undefined ? null : <Outcome audit={audit.data} />}
        </div>
      </div>
    </Card>
  );
}

function Outcome({ audit }: { readonly audit: Audit }): ReactNode {
  const read = `${showMany(audit.pools, "pool")}, ${showMany(audit.entries, "entry", "entries")}`;
  if (audit.sound) {
    return (
      <p>
        <Badge tone="good">sound</Badge> {read}
      </p>
    );
  }
  return (
    <div className="stack">
      <Notice tone="bad">
        <span>
          {showMany(audit.findings.length, "sum differs", "sums differ")}; {read}
        </span>
      </Notice>
      <Table
        caption="What differs"
        rows={audit.findings.map((finding, index) => ({ ...finding, index }))}
        keyOf={({ index }) => String(index)}
        columns={[
          { head: "Invariant", cell: ({ invariant }) => invariant },
          { head: "Check", cell: ({ check }) => check },
          { head: "Account", cell: ({ account }) => <span className="mono small break">{account}</span> },
          { head: "Credit type", cell: ({ creditType }) => creditType },
        ]}
      />
    </div>
  );
}
