import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Audit, Health as HealthData, Instance } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card, Notice } from "../../design/card.tsx";
import { Page } from "../../design/page.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Moment } from "../../formats/amount.tsx";
import { showMany } from "../../formats/credits.ts";
import { OPERATOR } from "../operator-api.ts";
import { Instances } from "./instances.tsx";
import { Partitions } from "./partitions.tsx";
import { Sweep } from "./sweep.tsx";
import { Waiting } from "./waiting.tsx";

/** What runs here, what waits, and whether the books are right. */
export default function Health(): ReactNode {
  const instance = useQuery({
    queryKey: ["instance"],
    queryFn: ({ signal }) => OPERATOR.getInstance({}, { signal }),
  });
  const health = useQuery({
    queryKey: ["health"],
    queryFn: ({ signal }) => OPERATOR.getHealth({}, { signal }),
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
            <Facts of={instance.data} />
          )}
        </Card>
        <Books last={health.data?.lastAudit} />
      </div>
      {health.isPending ? (
        <Card title="Sweep">
          <Loading lines={6} />
        </Card>
      ) : health.isError ? (
        <Card title="Sweep">
          <Failed error={health.error} again={() => void health.refetch()} />
        </Card>
      ) : (
        <>
          <Waiting of={health.data} />
          <Instances of={health.data.instances} />
          <Sweep of={health.data.sweep} />
          <Partitions of={health.data} />
        </>
      )}
    </Page>
  );
}

function Facts({ of: { id, version, node, database, workers } }: { readonly of: Instance }): ReactNode {
  return (
    <dl className="facts">
      <dt>Id</dt>
      <dd className="mono">{id}</dd>
      <dt>Farebox</dt>
      <dd>{version}</dd>
      <dt>Node.js</dt>
      <dd>{node}</dd>
      <dt>Database</dt>
      <dd>
        {database.kind === "pglite" ? "embedded" : "Postgres"} {database.version}, migration{" "}
        {database.migration}
      </dd>
      {workers.length === 0 ? null : (
        <>
          <dt>Workers</dt>
          <dd>{workers.map((worker) => `${worker.id} (process ${worker.pid})`).join(", ")}</dd>
        </>
      )}
      <dt>Its clock</dt>
      <dd>
        <Moment at={database.now} />
      </dd>
    </dl>
  );
}

/** Recomputing the books reads all of them: it is done when it is asked for. */
function Books({ last }: { readonly last: HealthData["lastAudit"] | undefined }): ReactNode {
  const queries = useQueryClient();
  const audit = useMutation({
    mutationFn: () => OPERATOR.runAudit({}),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["health"] }),
  });
  return (
    <Card title="The books" note="Recomputes every sum from its lines. Nothing is locked or written.">
      <div className="stack">
        {last === undefined || audit.data !== undefined ? null : <LastAudit of={last} />}
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

function LastAudit({ of }: { readonly of: HealthData["lastAudit"] }): ReactNode {
  if (of === null) return <p className="soft">They were never audited.</p>;
  return (
    <p>
      {of.findings === 0 ? (
        <Badge tone="good">sound</Badge>
      ) : (
        <Badge tone="bad">{showMany(of.findings, "sum differs", "sums differ")}</Badge>
      )}{" "}
      <Moment at={of.finishedAt} as="distance" />: {showMany(of.pools, "pool")},{" "}
      {showMany(of.entries, "entry", "entries")}
    </p>
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
