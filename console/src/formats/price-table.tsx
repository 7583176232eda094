import type { ReactNode } from "react";
import { Badge } from "../design/card.tsx";
import { Empty } from "../design/states.tsx";
import { Table } from "../design/table.tsx";
import { chargedOnWords, costWords, otherWords, type PriceJson } from "./price-words.ts";

/** Prices as both pages show them. */
export function PriceTable({ prices }: { readonly prices: readonly PriceJson[] }): ReactNode {
  if (prices.length === 0) return <Empty title="Nothing has a price" />;
  return (
    <Table<PriceJson & { readonly id: string }>
      caption="Prices"
      rows={prices.map((price, index) => ({ ...price, id: String(index) }))}
      keyOf={({ id }) => id}
      columns={[
        { head: "Endpoint", cell: (price) => <span className="mono break">{String(price["match"])}</span> },
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
  );
}

interface PriceOf {
  readonly endpoint: string;
  readonly price: PriceJson;
}

interface Changes {
  readonly added: readonly PriceOf[];
  readonly removed: readonly PriceOf[];
  readonly changed: readonly {
    readonly endpoint: string;
    readonly members: readonly { readonly member: string; readonly from?: unknown; readonly to?: unknown }[];
  }[];
}

/** What a list changes in the one before it. */
export function PriceChanges({
  changes: { added, removed, changed },
}: {
  readonly changes: Changes;
}): ReactNode {
  if (changed.length + added.length + removed.length === 0) return <p className="soft">No price changes.</p>;
  return (
    <ul className="lines">
      {changed.map(({ endpoint, members }, index) => (
        <li key={`changed ${index}`}>
          <span className="mono">{endpoint}</span>
          <ul className="small">
            {members.map(({ member, from, to }) => (
              <li key={member}>
                <span className="soft">{member}: </span>
                <del>{show(from)}</del> → <strong>{show(to)}</strong>
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
  );
}

const show = (value: unknown): string =>
  value === null || value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);
