import type { ReactNode } from "react";
import { type Credits, shareOf, showCredits } from "../formats/credits.ts";

/** What parts make up a sum: the largest first, each with its exact amount. */
export function ShareBars({
  rows,
}: {
  readonly rows: readonly {
    readonly id: string;
    readonly name: ReactNode;
    readonly note: string;
    readonly amount: Credits;
  }[];
}): ReactNode {
  const most = rows.reduce((top, { amount }) => (amount > top ? amount : top), 0n);
  return (
    <ul className="bars">
      {rows.map(({ id, name, note, amount }) => (
        <li key={id} className="bars-row">
          <div className="bars-head">
            <span>{name}</span>
            <span className="number">
              {showCredits(amount)} <span className="soft small">{note}</span>
            </span>
          </div>
          <div className="bars-track" aria-hidden="true">
            <div className="bars-fill" style={{ width: `${shareOf(amount, most) * 100}%` }} />
          </div>
        </li>
      ))}
    </ul>
  );
}
