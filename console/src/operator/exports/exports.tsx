import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useSearchParams } from "react-router";
import type { Export } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { Choice, TextField } from "../../design/field.tsx";
import { Page } from "../../design/page.tsx";
import { Progress } from "../../design/progress.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { showCount, showMany } from "../../formats/credits.ts";
import { showBytes } from "../../formats/times.ts";
import { withParam } from "../../formats/with-param.ts";
import { AccountLink } from "../account-link.tsx";
import { mayAs, OPERATOR, type Role } from "../operator-api.ts";

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
const POLL_MS = 2_000;

/** Bulk jobs of all customers, or of one account. */
export default function Exports({ role }: { readonly role: Role }): ReactNode {
  const [params, setParams] = useSearchParams();
  const set = (name: string, value: string): void =>
    setParams((now) => withParam(now, name, value), { replace: true });
  const state = STATES.find((name) => name === params.get("state"));
  const account = params.get("account") ?? undefined;
  const exports = useInfiniteQuery({
    queryKey: ["exports", state, account],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      OPERATOR.listExports({ state, account, limit: 20, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: ({ state: { data } }) =>
      data?.pages.some((page) => page.exports.some((one) => MOVING.has(one.state))) === true
        ? POLL_MS
        : false,
  });
  const list = exports.data?.pages.flatMap((page) => page.exports) ?? [];
  return (
    <Page title="Exports" lead="Bulk jobs of customers, charged by their records.">
      <div className="filters">
        <Choice
          label="State"
          value={state ?? ""}
          options={[["", "All"], ...STATES.map((name) => [name, name] as const)]}
          onChange={(event) => set("state", event.target.value)}
        />
        <TextField
          label="Account"
          placeholder="acc_…"
          defaultValue={account ?? ""}
          key={account ?? ""}
          onBlur={(event) => set("account", event.target.value.trim())}
          onKeyDown={(event) => {
            if (event.key === "Enter") set("account", event.currentTarget.value.trim());
          }}
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
          <Empty title="No export here" />
        </div>
      ) : (
        list.map((one) => <ExportCard key={one.id} of={one} mayChange={mayAs(role, "admin")} />)
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

function ExportCard({ of: one, mayChange }: { readonly of: Export; readonly mayChange: boolean }): ReactNode {
  const [doing, setDoing] = useState<"cancel" | "retry">();
  const { progress } = one;
  const whole = progress.expected ?? one.maxRecords;
  return (
    <Card
      title={one.endpoint}
      note={
        <>
          <AccountLink id={one.account} /> · created <Moment at={one.createdAt} /> ·{" "}
          <span className="mono break">{one.id}</span>
        </>
      }
      actions={
        <>
          <Badge tone={TONES[one.state]}>{one.state}</Badge>
          {mayChange && (MOVING.has(one.state) || one.state === "ready") ? (
            <Button size="small" onClick={() => setDoing("cancel")}>
              Cancel
            </Button>
          ) : null}
          {mayChange && one.state === "failed" ? (
            <Button size="small" onClick={() => setDoing("retry")}>
              Try again
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
            {showCount(progress.records)} in {showMany(progress.files, "file")}, {showBytes(progress.bytes)}
          </dd>
          <dt>Cost</dt>
          <dd>
            {one.charged === null ? (
              <>
                about <Amount of={one.estimate} />, <Amount of={one.held} /> held
              </>
            ) : (
              <>
                <Amount of={one.charged} /> {one.creditType} charged
              </>
            )}
          </dd>
          {one.failure === null ? null : (
            <>
              <dt>Failed</dt>
              <dd>{one.failure.message}</dd>
            </>
          )}
        </dl>
      </div>
      {doing === undefined ? null : <ChangeExport of={one} to={doing} onClose={() => setDoing(undefined)} />}
    </Card>
  );
}

function ChangeExport({
  of: one,
  to,
  onClose,
}: {
  readonly of: Export;
  readonly to: "cancel" | "retry";
  readonly onClose: () => void;
}): ReactNode {
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: () =>
      to === "cancel" ? OPERATOR.cancelExport({ export: one.id }) : OPERATOR.retryExport({ export: one.id }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["exports"] });
      onClose();
    },
  });
  return (
    <Dialog
      title={to === "cancel" ? "Cancel this export?" : "Try this export again?"}
      text={
        to === "cancel"
          ? `What it has so far, ${showMany(one.progress.records, "record")}, is removed. It costs ${one.account} nothing, and what is held for it is free again.`
          : `It begins again from its start, with credits of ${one.account} set aside anew.`
      }
      isOpen
      onClose={onClose}
    >
      <DialogForm
        action={to === "cancel" ? "Cancel the export" : "Try again"}
        kind={to === "cancel" ? "danger" : "primary"}
        busy={change.isPending}
        onSubmit={() => change.mutate()}
        onCancel={onClose}
      >
        <DialogError error={change.error} />
      </DialogForm>
    </Dialog>
  );
}
