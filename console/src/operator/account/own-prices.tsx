import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Account, AccountPrices } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { ConfirmDialog } from "../../design/confirm-dialog.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Moment } from "../../formats/amount.tsx";
import { showMany } from "../../formats/credits.ts";
import { PriceChanges, PriceTable } from "../../formats/price-table.tsx";
import type { PriceJson } from "../../formats/price-words.ts";
import { showMoment } from "../../formats/times.ts";
import { OPERATOR } from "../operator-api.ts";
import { compareOwnPrices } from "../prices/own-prices.ts";
import { NewOwnPrices } from "./new-own-prices.tsx";

const TONES = {
  in_force: "good",
  announced: "warn",
  replaced: "plain",
  past: "plain",
  cancelled: "bad",
} as const;
const WORDS = {
  in_force: "in force",
  announced: "announced",
  replaced: "replaced",
  past: "past",
  cancelled: "cancelled",
} as const;

/** The prices that were agreed with this account, and what they change in everybody's. */
export function OwnPrices({
  account,
  mayChange,
}: {
  readonly account: Account;
  readonly mayChange: boolean;
}): ReactNode {
  const [isWriting, setWriting] = useState(false);
  const lists = useInfiniteQuery({
    queryKey: ["own-prices", account.id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      OPERATOR.listAccountPrices({ account: account.id, limit: 10, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const general = useQuery({
    queryKey: ["price-schedule"],
    queryFn: ({ signal }) => OPERATOR.getPriceSchedule({}, { signal }),
  });
  const all = lists.data?.pages.flatMap(({ priceLists }) => priceLists) ?? [];
  const prices = general.data?.inForce?.prices;
  return (
    <>
      <Card
        title="Own prices"
        note="They go before everybody's; what they do not name costs what it costs everybody."
        actions={
          mayChange && account.state !== "closed" && prices !== undefined && !isWriting ? (
            <Button size="small" onClick={() => setWriting(true)}>
              New own prices
            </Button>
          ) : undefined
        }
      >
        {lists.isPending ? (
          <Loading lines={2} />
        ) : lists.isError ? (
          <Failed error={lists.error} again={() => void lists.refetch()} />
        ) : all.length === 0 ? (
          <Empty title="Pays what everybody pays" />
        ) : (
          <ul className="lines">
            {all.map((list) => (
              <OwnList
                key={list.version}
                of={list}
                account={account}
                general={prices}
                mayCancel={mayChange}
              />
            ))}
          </ul>
        )}
        {lists.hasNextPage ? (
          <Button onClick={() => void lists.fetchNextPage()} busy={lists.isFetchingNextPage}>
            Show older ones
          </Button>
        ) : null}
      </Card>
      {isWriting && prices !== undefined ? (
        <NewOwnPrices
          account={account}
          general={prices}
          begin={all.find(({ state }) => state === "in_force")?.prices ?? []}
          onClose={() => setWriting(false)}
        />
      ) : null}
    </>
  );
}

function OwnList({
  of,
  account,
  general,
  mayCancel,
}: {
  readonly of: AccountPrices;
  readonly account: Account;
  readonly general: readonly PriceJson[] | undefined;
  readonly mayCancel: boolean;
}): ReactNode {
  const isOfNow = of.state === "in_force" || of.state === "announced";
  const [isOpen, setOpen] = useState(isOfNow);
  const [isCancelling, setCancelling] = useState(false);
  return (
    <li className="stack-small">
      <div className="row">
        <strong>Version {of.version}</strong>
        <Badge tone={TONES[of.state]}>{WORDS[of.state]}</Badge>
        <span className="soft small">
          from <Moment at={of.effectiveAt} />{" "}
          {of.until === null ? (
            "until a later one"
          ) : (
            <>
              until <Moment at={of.until} />
            </>
          )}{" "}
          · {showMany(of.prices.length, "price")}
        </span>
        <Button size="small" onClick={() => setOpen(!isOpen)} aria-expanded={isOpen}>
          {isOpen ? "Hide" : "Show"}
          <span className="unseen"> version {of.version}</span>
        </Button>
        {mayCancel && (isOfNow || of.state === "replaced") ? (
          <Button size="small" onClick={() => setCancelling(true)}>
            Cancel<span className="unseen"> version {of.version}</span>
          </Button>
        ) : null}
      </div>
      {isOpen ? (
        <>
          <PriceTable prices={of.prices} />
          {general === undefined ? null : (
            <details open={isOfNow}>
              <summary className="small">What differs from everybody's prices now</summary>
              <PriceChanges changes={compareOwnPrices(general, of.prices)} />
            </details>
          )}
        </>
      ) : null}
      {isCancelling ? (
        <ConfirmDialog
          title={`Cancel version ${of.version} of ${account.name}?`}
          text={whatCancelling(of)}
          action={CANCEL[of.state === "announced" ? "announced" : "begun"]}
          run={() => OPERATOR.cancelAccountPrices({ account: account.id, version: of.version })}
          stale={[["own-prices", account.id]]}
          onClose={() => setCancelling(false)}
        />
      ) : null}
    </li>
  );
}

const CANCEL = { announced: "Cancel the announced prices", begun: "Cancel these prices" } as const;

/** What happens when a list is cancelled. */
function whatCancelling({ state, effectiveAt }: AccountPrices): string {
  if (state === "announced") {
    return `It will not take effect on ${showMoment(effectiveAt)}. What the account pays now stays.`;
  }
  if (state === "replaced") return "It will not apply again when the list that replaced it ends.";
  return "Within 5 seconds the account pays by its list before this one, if that still holds, else what everybody pays. Charges that were made keep this one.";
}
