import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useSearchParams } from "react-router";
import type { Export } from "../../../../src/client/generated/customer-types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { ConfirmDialog } from "../../design/confirm-dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { Choice } from "../../design/field.tsx";
import { Page } from "../../design/page.tsx";
import { Progress } from "../../design/progress.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { creditWords, showCount, showMany } from "../../formats/credits.ts";
import { showBytes } from "../../formats/times.ts";
import { withParam } from "../../formats/with-param.ts";
import { ACCOUNT } from "../account-api.ts";

const STATES = ["queued", "running", "ready", "charged", "failed", "cancelled", "expired"] as const;
const TONES = {
  queued: "plain",
  running: "plain",
  ready: "good",
  charged: "good",
  failed: "bad",
  cancelled: "plain",
  expired: "warn",
} as const;
const MOVING: ReadonlySet<string> = new Set(["queued", "running"]);

/** While something is under way, how far it is gets asked again. */
const POLL_MS = 2_000;

/** Bulk jobs: how far they are, what they cost, and their files. */
export default function Exports({ access }: { readonly access: "read" | "manage" }): ReactNode {
  const [params, setParams] = useSearchParams();
  const state = STATES.find((name) => name === params.get("state"));
  const exports = useInfiniteQuery({
    queryKey: ["exports", state],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      ACCOUNT.listExports({ state, limit: 20, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: ({ state: { data } }) =>
      data?.pages.some((page) => page.exports.some((one) => MOVING.has(one.state))) === true
        ? POLL_MS
        : false,
  });
  const list = exports.data?.pages.flatMap((page) => page.exports) ?? [];
  return (
    <Page title="Exports" lead="Bulk jobs, charged by the records that they have.">
      <div className="filters">
        <Choice
          label="State"
          value={state ?? ""}
          options={[["", "All"], ...STATES.map((name) => [name, name] as const)]}
          onChange={(event) =>
            setParams((now) => withParam(now, "state", event.target.value), { replace: true })
          }
        />
      </div>
      {exports.isPending ? (
        <div className="card">
          <Loading />
        </div>
      ) : exports.isError ? (
        <div className="card">
          <Failed error={exports.error} again={() => void exports.refetch()} />
        </div>
      ) : list.length === 0 ? (
        <div className="card">
          <Empty title={state === undefined ? "No export yet" : "No export in this state"}>
            <p>Exports are created by a request to the API.</p>
          </Empty>
        </div>
      ) : (
        list.map((one) => <ExportCard key={one.id} of={one} canCancel={access === "manage"} />)
      )}
      {exports.hasNextPage ? (
        <div>
          <Button onClick={() => void exports.fetchNextPage()} busy={exports.isFetchingNextPage}>
            Show older exports
          </Button>
        </div>
      ) : null}
    </Page>
  );
}

function ExportCard({ of: one, canCancel }: { readonly of: Export; readonly canCancel: boolean }): ReactNode {
  const [isCancelling, setCancelling] = useState(false);
  const { progress } = one;
  const whole = progress.expected ?? one.maxRecords;
  return (
    <Card
      title={one.endpoint}
      note={
        <>
          created <Moment at={one.createdAt} /> · <span className="mono">{one.id}</span>
        </>
      }
      actions={
        <>
          <Badge tone={TONES[one.state]}>{one.state}</Badge>
          {canCancel && (MOVING.has(one.state) || one.state === "ready") ? (
            <Button size="small" onClick={() => setCancelling(true)}>
              Cancel
            </Button>
          ) : null}
        </>
      }
    >
      <div className="stack">
        {MOVING.has(one.state) ? (
          <Progress
            share={whole === 0 ? 0 : progress.records / whole}
            label={`${showCount(progress.records)} ${progress.expected === null ? "records so far" : `of ${showMany(whole, "record")}`}`}
          />
        ) : null}
        <dl className="facts small">
          <dt>Records</dt>
          <dd>
            {showCount(progress.records)} in {showCount(progress.files)}{" "}
            {progress.files === 1 ? "file" : "files"}, {showBytes(progress.bytes)}
            {progress.leftOut === 0 ? null : `; ${showCount(progress.leftOut)} left out and not charged`}
          </dd>
          <dt>Cost</dt>
          <dd>
            {one.charged === null ? (
              <>
                about <Amount of={one.estimate} />, <Amount of={one.price} /> a record
              </>
            ) : (
              <>
                <Amount of={one.charged} /> {creditWords(one.creditType)} charged
              </>
            )}
            {one.held === 0 ? null : (
              <>
                {" · "}
                <Amount of={one.held} /> held
              </>
            )}
          </dd>
          {one.expiresAt === null ? null : (
            <>
              <dt>Files until</dt>
              <dd>
                <Moment at={one.expiresAt} />
              </dd>
            </>
          )}
          {one.failure === null ? null : (
            <>
              <dt>Failed</dt>
              <dd>{one.failure.message}</dd>
            </>
          )}
        </dl>
        {one.state === "charged" ? <Files of={one} /> : null}
        {one.state === "ready" ? <ChargeAndList of={one} /> : null}
      </div>
      {isCancelling ? <CancelExport of={one} onClose={() => setCancelling(false)} /> : null}
    </Card>
  );
}

/** Listing the files of an export that is ready charges it: that is said before it happens. */
function ChargeAndList({ of: one }: { readonly of: Export }): ReactNode {
  const queries = useQueryClient();
  const list = useMutation({
    mutationFn: () => ACCOUNT.listExportFiles({ export: one.id }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["exports"] }),
  });
  return (
    <div className="stack-small">
      <DialogError error={list.error} />
      <div className="row">
        <Button kind="primary" onClick={() => list.mutate()} busy={list.isPending}>
          Charge <Amount of={one.estimate} /> and list the files
        </Button>
      </div>
    </div>
  );
}

function Files({ of: one }: { readonly of: Export }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const files = useQuery({
    queryKey: ["export-files", one.id],
    enabled: isOpen,
    // Their links end.
    staleTime: 0,
    queryFn: ({ signal }) => ACCOUNT.listExportFiles({ export: one.id }, { signal }),
  });
  if (!isOpen) {
    return (
      <div>
        <Button onClick={() => setOpen(true)}>Show the files</Button>
      </div>
    );
  }
  if (files.isPending) return <Loading lines={2} />;
  if (files.isError) return <Failed error={files.error} again={() => void files.refetch()} />;
  return (
    <Table
      caption="Files of the export"
      rows={files.data.files}
      keyOf={({ name }) => name}
      columns={[
        {
          head: "File",
          cell: ({ name, link }) => (
            <a href={link} download className="mono break">
              {name}
            </a>
          ),
        },
        { head: "Records", isNumber: true, cell: ({ records }) => showCount(records) },
        { head: "Size", isNumber: true, cell: ({ bytes }) => showBytes(bytes) },
        {
          head: "SHA-256",
          cell: ({ sha256 }) => <span className="mono small break">{sha256.slice(0, 16)}…</span>,
        },
      ]}
    />
  );
}

function CancelExport({
  of: one,
  onClose,
}: {
  readonly of: Export;
  readonly onClose: () => void;
}): ReactNode {
  return (
    <ConfirmDialog
      title="Cancel this export?"
      text={`What it has so far, ${showMany(one.progress.records, "record")}, is removed. It costs nothing, and what is held for it is free again.`}
      action="Cancel the export"
      run={() => ACCOUNT.cancelExport({ export: one.id })}
      stale={[["exports"]]}
      onClose={onClose}
    />
  );
}
