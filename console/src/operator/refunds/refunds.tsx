import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { BulkRefund } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { ConfirmDialog } from "../../design/confirm-dialog.tsx";
import { Page } from "../../design/page.tsx";
import { Progress } from "../../design/progress.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Moment } from "../../formats/amount.tsx";
import { showCount, showMany } from "../../formats/credits.ts";
import { showMoment } from "../../formats/times.ts";
import { mayAs, OPERATOR, type Role } from "../operator-api.ts";
import { NewBulkRefund } from "./new-bulk-refund.tsx";
import { sumsWords } from "./sums-words.ts";

const TONES = { running: "plain", done: "good", cancelled: "warn" } as const;
const POLL_MS = 1_000;

/** All charges that a filter finds, reversed in the background. */
export default function Refunds({ role }: { readonly role: Role }): ReactNode {
  const refunds = useInfiniteQuery({
    queryKey: ["bulk-refunds"],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      OPERATOR.listBulkRefunds({ limit: 20, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: ({ state: { data } }) =>
      data?.pages.some((page) => page.bulkRefunds.some(({ state }) => state === "running")) === true
        ? POLL_MS
        : false,
  });
  const list = refunds.data?.pages.flatMap((page) => page.bulkRefunds) ?? [];
  return (
    <Page title="Bulk refunds" lead="All charges that a filter finds, given back in the background.">
      <NewBulkRefund mayApply={mayAs(role, "admin")} />
      {refunds.isPending ? (
        <div className="card">
          <Loading />
        </div>
      ) : refunds.isError ? (
        <div className="card">
          <Failed error={refunds.error} again={() => void refunds.refetch()} />
        </div>
      ) : list.length === 0 ? (
        <div className="card">
          <Empty title="No bulk refund yet" />
        </div>
      ) : (
        list.map((one) => <RefundCard key={one.id} of={one} mayCancel={mayAs(role, "admin")} />)
      )}
      {refunds.hasNextPage ? (
        <div>
          <Button onClick={() => void refunds.fetchNextPage()} busy={refunds.isFetchingNextPage}>
            Show older ones
          </Button>
        </div>
      ) : null}
    </Page>
  );
}

function RefundCard({
  of: one,
  mayCancel,
}: {
  readonly of: BulkRefund;
  readonly mayCancel: boolean;
}): ReactNode {
  const [isCancelling, setCancelling] = useState(false);
  const { charges, credits, accounts, filter } = one;
  const { from, to, ...rest } = filter;
  return (
    <Card
      title={one.reason}
      note={
        <>
          begun <Moment at={one.createdAt} /> · <span className="mono">{one.id}</span>
        </>
      }
      actions={
        <>
          <Badge tone={TONES[one.state]}>{one.state}</Badge>
          {mayCancel && one.state === "running" ? (
            <Button size="small" onClick={() => setCancelling(true)}>
              Cancel
            </Button>
          ) : null}
        </>
      }
    >
      <div className="stack">
        <Progress
          share={charges.total === 0 ? 1 : charges.done / charges.total}
          label={`${showCount(charges.done)} of ${showMany(charges.total, "charge")} given back`}
        />
        <dl className="facts small">
          <dt>Given back</dt>
          <dd>
            {sumsWords(credits.done)} of {sumsWords(credits.total)}, to {showCount(accounts.done)} of{" "}
            {showCount(accounts.total)} accounts
          </dd>
          <dt>Charges</dt>
          <dd>
            from {showMoment(from)} until {showMoment(to)}
            {Object.entries(rest).map(([name, value]) => (
              <span key={name} className="break">
                , {name} <span className="mono">{value}</span>
              </span>
            ))}
          </dd>
          {charges.skipped + charges.failed === 0 ? null : (
            <>
              <dt>Not done</dt>
              <dd>
                {showCount(charges.skipped)} had nothing left, {showCount(charges.failed)} failed
                {one.failures.map(({ charge, reason }) => (
                  <span key={charge} className="break">
                    ; <span className="mono">{charge}</span>: {reason}
                  </span>
                ))}
              </dd>
            </>
          )}
        </dl>
      </div>
      {isCancelling ? <CancelRefund of={one} onClose={() => setCancelling(false)} /> : null}
    </Card>
  );
}

function CancelRefund({
  of: one,
  onClose,
}: {
  readonly of: BulkRefund;
  readonly onClose: () => void;
}): ReactNode {
  return (
    <ConfirmDialog
      title="Stop this bulk refund?"
      text={`What was given back stays so: ${sumsWords(one.credits.done)}. The other charges stay charged.`}
      action="Stop it"
      run={() => OPERATOR.cancelBulkRefund({ bulkRefund: one.id })}
      stale={[["bulk-refunds"]]}
      onClose={onClose}
    />
  );
}
