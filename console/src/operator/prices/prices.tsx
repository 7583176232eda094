import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { PriceList } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { ConfirmDialog } from "../../design/confirm-dialog.tsx";
import { Page } from "../../design/page.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Moment } from "../../formats/amount.tsx";
import { showMany } from "../../formats/credits.ts";
import { PriceChanges, PriceTable } from "../../formats/price-table.tsx";
import { showMoment } from "../../formats/times.ts";
import { mayAs, OPERATOR, type Role } from "../operator-api.ts";
import { EditPrices } from "./edit-prices.tsx";

const TONES = { in_force: "good", announced: "warn", past: "plain", cancelled: "bad" } as const;
const WORDS = { in_force: "in force", announced: "announced", past: "past", cancelled: "cancelled" } as const;

/** The versions of the price list, the newest first, with what each changes. */
export default function Prices({ role }: { readonly role: Role }): ReactNode {
  const lists = useQuery({
    queryKey: ["price-lists"],
    queryFn: ({ signal }) => OPERATOR.listPriceLists({ limit: 20 }, { signal }),
  });
  const [isEditing, setEditing] = useState(false);
  const inForce = lists.data?.priceLists.find(({ state }) => state === "in_force");
  return (
    <Page
      title="Price lists"
      lead="Dated and immutable. Charges keep the list that was in force when the request was admitted."
      actions={
        mayAs(role, "admin") && inForce !== undefined && !isEditing ? (
          <Button kind="primary" onClick={() => setEditing(true)}>
            New price list
          </Button>
        ) : undefined
      }
    >
      {isEditing && inForce !== undefined ? (
        <EditPrices of={inForce} onClose={() => setEditing(false)} />
      ) : null}
      {lists.isPending ? (
        <div className="card">
          <Loading />
        </div>
      ) : lists.isError ? (
        <div className="card">
          <Failed error={lists.error} again={() => void lists.refetch()} />
        </div>
      ) : lists.data.priceLists.length === 0 ? (
        <div className="card">
          <Empty title="No price list yet" />
        </div>
      ) : (
        lists.data.priceLists.map((list) => <ListCard key={list.version} of={list} role={role} />)
      )}
    </Page>
  );
}

function ListCard({ of, role }: { readonly of: PriceList; readonly role: Role }): ReactNode {
  const [isCancelling, setCancelling] = useState(false);
  const [isOpen, setOpen] = useState(of.state === "announced");
  return (
    <Card
      title={`Version ${of.version}`}
      note={
        <>
          from <Moment at={of.effectiveAt} /> · {showMany(of.prices.length, "price")} · others{" "}
          {of.unpriced === "free" ? "free" : "refused"}
        </>
      }
      actions={
        <>
          <Badge tone={TONES[of.state]}>{WORDS[of.state]}</Badge>
          <Button size="small" onClick={() => setOpen(!isOpen)} aria-expanded={isOpen}>
            {isOpen ? "Hide" : "Show"} what it changes
          </Button>
          {mayAs(role, "admin") && of.state === "announced" ? (
            <Button size="small" onClick={() => setCancelling(true)}>
              Cancel
            </Button>
          ) : null}
        </>
      }
    >
      {isOpen ? <Difference version={of.version} /> : null}
      {of.state === "in_force" ? <PriceTable prices={of.prices} /> : null}
      {isCancelling ? <CancelList of={of} onClose={() => setCancelling(false)} /> : null}
    </Card>
  );
}

function Difference({ version }: { readonly version: number }): ReactNode {
  const diff = useQuery({
    queryKey: ["price-list-diff", version],
    queryFn: ({ signal }) => OPERATOR.getPriceListDiff({ version }, { signal }),
  });
  if (diff.isPending) return <Loading lines={2} />;
  if (diff.isError) return <Failed error={diff.error} again={() => void diff.refetch()} />;
  return <PriceChanges changes={diff.data} />;
}

function CancelList({ of, onClose }: { readonly of: PriceList; readonly onClose: () => void }): ReactNode {
  return (
    <ConfirmDialog
      title={`Cancel version ${of.version}?`}
      text={`It will not take effect on ${showMoment(of.effectiveAt)}. The prices before it stay in force.`}
      action="Cancel the announced prices"
      run={() => OPERATOR.cancelPriceList({ version: of.version })}
      stale={[["price-lists"]]}
      onClose={onClose}
    />
  );
}
