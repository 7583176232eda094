import type { ReactNode } from "react";
import type { Simulation } from "../../../../src/client/generated/types.ts";
import { Notice } from "../../design/card.tsx";
import { Empty } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Amount } from "../../formats/amount.tsx";
import { showCount, showMany } from "../../formats/credits.ts";
import { AccountLink } from "../account-link.tsx";

const MOST_LINES = 20;

const DOUBTS: Readonly<Record<Simulation["doubts"][number]["reason"], string>> = {
  no_price: "no price any more: counted as 0",
  free: "free: counted as 0",
  status_not_charged: "the new price does not charge that status: counted as 0",
  conditions_unknown: "the record does not tell which condition applies",
  match_divided: "several matches have what was one",
  results_unknown: "the record does not tell how many results there were",
  tiers_unknown: "the record does not tell which tier it was",
  repeats_unknown: "the record does not tell which were repeats",
};

/** What charges of the past would have cost by other prices. */
export function Simulated({ of }: { readonly of: Simulation }): ReactNode {
  if (of.totals.length === 0) return <Empty title="Nothing was charged in this time" />;
  return (
    <div className="stack">
      {of.next === null ? null : (
        <Notice tone="warn">
          These are the first accounts only. The command farebox prices simulate goes through all of them.
        </Notice>
      )}
      <Table
        caption="By credit type"
        rows={of.totals}
        keyOf={({ creditType }) => creditType}
        columns={[
          { head: "Credit type", cell: ({ creditType }) => creditType },
          { head: "Charges", isNumber: true, cell: ({ charges }) => showCount(charges) },
          { head: "Cost", isNumber: true, cell: ({ before }) => <Amount of={before} /> },
          {
            head: "Would cost",
            isNumber: true,
            cell: ({ least, most }) => <Between least={least} most={most} />,
          },
        ]}
      />
      <Table
        caption="Accounts and endpoints with the largest change"
        rows={of.lines.slice(0, MOST_LINES)}
        keyOf={({ account, creditType, endpoint }) => `${account} ${creditType} ${endpoint}`}
        columns={[
          { head: "Account", cell: ({ account }) => <AccountLink id={account} /> },
          { head: "Endpoint", cell: ({ endpoint }) => <span className="mono break">{endpoint}</span> },
          { head: "Charges", isNumber: true, cell: ({ charges }) => showCount(charges) },
          { head: "Cost", isNumber: true, cell: ({ before }) => <Amount of={before} /> },
          {
            head: "Would cost",
            isNumber: true,
            cell: ({ least, most }) => <Between least={least} most={most} />,
          },
        ]}
      />
      {of.doubts.length === 0 ? null : (
        <ul className="lines small">
          {of.doubts.map(({ endpoint, reason, charges }) => (
            <li key={`${endpoint} ${reason}`}>
              <span className="mono">{endpoint}</span>, {showMany(charges, "charge")}: {DOUBTS[reason]}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Between({ least, most }: { readonly least: number; readonly most: number }): ReactNode {
  if (least === most) return <Amount of={least} />;
  return (
    <>
      <Amount of={least} /> to <Amount of={most} />
    </>
  );
}
