import type { ReactNode } from "react";
import { Amount, Moment } from "./amount.tsx";

interface Grant {
  readonly id: string;
  readonly amount: number;
  readonly remaining: number;
  readonly source: string;
  readonly expiresAt: string | null;
}

const SOURCES: Readonly<Record<string, string>> = {
  recurring: "From the plan",
  topup: "Top-up",
  promo: "Gift",
  adjustment: "Correction",
};

/** More of them are in the lines of the pool. */
const SHOWN = 6;

/** What a pool is made of, in the order in which it is spent. */
export function Grants({
  grants,
  title = "Grants, in the order in which they are spent",
}: {
  readonly grants: readonly Grant[];
  readonly title?: string;
}): ReactNode {
  if (grants.length === 0) return null;
  return (
    <div className="stack-small">
      <h3>{title}</h3>
      <ul className="lines">
        {grants.slice(0, SHOWN).map(({ id, amount, remaining, source, expiresAt }) => (
          <li key={id} className="spread small">
            <span>
              {SOURCES[source] ?? source}
              <span className="soft">
                {expiresAt === null ? (
                  " · never expires"
                ) : (
                  <>
                    {" · expires "}
                    <Moment at={expiresAt} as="date" />
                  </>
                )}
              </span>
            </span>
            <span className="number">
              <Amount of={remaining} /> <span className="soft">of </span>
              <span className="soft">
                <Amount of={amount} />
              </span>
            </span>
          </li>
        ))}
      </ul>
      {grants.length > SHOWN ? <p className="soft small">and {grants.length - SHOWN} more</p> : null}
    </div>
  );
}
