import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Prices as PricesData } from "../../../../src/client/generated/customer-types.ts";
import { Badge, Card } from "../../design/card.tsx";
import { Page } from "../../design/page.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Moment } from "../../formats/amount.tsx";
import { ACCOUNT } from "../account-api.ts";
import { Calculator } from "./calculator.tsx";
import { chargedOnWords, costWords, otherWords, type PriceJson } from "./price-words.ts";

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
      {list.prices.length === 0 ? (
        <Empty title="Nothing has a price" />
      ) : (
        <Table<PriceJson & { readonly id: string }>
          caption="Prices in force"
          rows={list.prices.map((price, index) => ({ ...price, id: String(index) }))}
          keyOf={({ id }) => id}
          columns={[
            {
              head: "Endpoint",
              cell: (price) => <span className="mono break">{String(price["match"])}</span>,
            },
            { head: "Cost", cell: (price) => <strong>{costWords(price)}</strong> },
            {
              head: "When",
              cell: (price) => (
                <span className="soft break">
                  {[chargedOnWords(price), ...otherWords(price)].filter(Boolean).join("; ")}
                </span>
              ),
            },
          ]}
        />
      )}
    </Card>
  );
}

type AnnouncedList = PricesData["announced"][number];

function Announced({ list }: { readonly list: AnnouncedList }): ReactNode {
  const { added, removed, changed } = list.changes;
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
      <ul className="lines">
        {changed.map((change, index) => (
          <li key={`changed ${index}`}>
            <span className="mono">{change.endpoint}</span>
            <ul className="small">
              {describeChanges(change).map(([name, from, to]) => (
                <li key={name}>
                  <span className="soft">{name}: </span>
                  <del>{from}</del> → <strong>{to}</strong>
                </li>
              ))}
            </ul>
          </li>
        ))}
        {added.map(({ endpoint, price }, index) => (
          <li key={`added ${index}`}>
            <Badge tone="warn">new</Badge> <span className="mono">{endpoint}</span> {costWords(price)}
          </li>
        ))}
        {removed.map(({ endpoint, price }, index) => (
          <li key={`removed ${index}`}>
            <Badge>no longer</Badge> <span className="mono">{endpoint}</span> {costWords(price)}
          </li>
        ))}
      </ul>
      {changed.length + added.length + removed.length === 0 ? (
        <p className="soft">No price changes.</p>
      ) : null}
    </Card>
  );
}

type Change = AnnouncedList["changes"]["changed"][number];

function describeChanges(change: Change): [string, string, string][] {
  return change.members.map(({ member, from, to }) => [member, show(from), show(to)]);
}

const show = (value: unknown): string =>
  value === null || value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);
