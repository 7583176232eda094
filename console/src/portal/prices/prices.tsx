import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Prices as PricesData } from "../../../../src/client/generated/customer-types.ts";
import { Badge, Card } from "../../design/card.tsx";
import { Page } from "../../design/page.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import { Moment } from "../../formats/amount.tsx";
import { PriceChanges, PriceTable } from "../../formats/price-table.tsx";
import { ACCOUNT } from "../account-api.ts";
import { Calculator } from "./calculator.tsx";

/** What calls cost now, what they will cost, and what one call would. */
export default function Prices(): ReactNode {
  const prices = useQuery({
    queryKey: ["prices"],
    queryFn: ({ signal }) => ACCOUNT.listPrices({}, { signal }),
  });
  return (
    <Page title="Prices" lead="What each call costs. A call that fails costs nothing.">
      {prices.isPending ? (
        <div className="card">
          <Loading />
        </div>
      ) : prices.isError ? (
        <div className="card">
          <Failed error={prices.error} again={() => void prices.refetch()} />
        </div>
      ) : (
        <>
          {prices.data.announced.map((list) => (
            <Announced key={list.version} list={list} />
          ))}
          <InForce list={prices.data.inForce} />
          <Calculator endpoints={prices.data.inForce.prices.map(({ match }) => String(match))} />
        </>
      )}
    </Page>
  );
}

function InForce({ list }: { readonly list: PricesData["inForce"] }): ReactNode {
  return (
    <Card
      title="In force"
      note={
        <>
          since <Moment at={list.effectiveAt} />; every other request is{" "}
          {list.unpriced === "free" ? "free" : "refused"}
        </>
      }
      flush
    >
      <PriceTable prices={list.prices} />
    </Card>
  );
}

type AnnouncedList = PricesData["announced"][number];

function Announced({ list }: { readonly list: AnnouncedList }): ReactNode {
  return (
    <Card
      title="Announced change"
      note={
        <>
          takes effect on <Moment at={list.effectiveAt} />
        </>
      }
      actions={<Badge tone="warn">version {list.version}</Badge>}
    >
      <PriceChanges changes={list.changes} />
    </Card>
  );
}
