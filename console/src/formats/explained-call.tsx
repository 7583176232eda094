import type { ReactNode } from "react";
import type { Call } from "../../../src/client/generated/customer-types.ts";
import { Card } from "../design/card.tsx";
import { Table } from "../design/table.tsx";
import { Amount, Moment } from "./amount.tsx";
import { creditWords, showCount, showMany } from "./credits.ts";
import { chargedOnWords, costWords, otherWords, type PriceJson } from "./price-words.ts";

/** Why a call cost what it did: the price that applied, what was held, charged and given back. */
export function ExplainedCall({ of }: { readonly of: Call }): ReactNode {
  return (
    <>
      <div className="columns">
        <Card title="What it cost">
          <p className="figure-line">
            <span className="figure">
              <Amount of={of.net} />
            </span>{" "}
            <span className="soft">{creditWords(of.creditType)}</span>
          </p>
          <dl className="facts">
            <Line name="By its price">
              <Amount of={of.list} />
              {of.units === null || of.units === 1 ? null : <> for {showMany(of.units, "result")}</>}
            </Line>
            {of.held === null ? null : (
              <Line name="Held before the call">
                <Amount of={of.held} />
              </Line>
            )}
            <Line name="Charged">
              <Amount of={of.charged} />
              {of.charged < of.list ? ": credits covered no more" : null}
            </Line>
            <Line name="Given back">
              {of.refunds.length === 0 ? (
                "nothing"
              ) : (
                <ul>
                  {of.refunds.map(({ at, amount }) => (
                    <li key={`${at} ${amount}`}>
                      <Amount of={amount} /> on <Moment at={at} />
                    </li>
                  ))}
                </ul>
              )}
            </Line>
            <Line name="Balance after it">
              <Amount of={of.balance} />
            </Line>
          </dl>
        </Card>
        <div className="stack">
          <WhyCard of={of} />
          <CallCard of={of} />
        </div>
      </div>
      {of.parts === null ? null : <PartsCard of={of.parts} />}
    </>
  );
}

/** The charges of a job, which the figures above are the sums of. */
function PartsCard({ of: { total, charges } }: { readonly of: NonNullable<Call["parts"]> }): ReactNode {
  return (
    <Card
      title="Its parts"
      note={
        total > charges.length
          ? `The first ${showCount(charges.length)} of ${showMany(total, "charge")}; the sums are of all.`
          : `${showMany(total, "charge")}; the sums are of all.`
      }
      flush
    >
      <Table
        caption="Charges of the job"
        rows={charges}
        keyOf={({ charge }) => charge}
        columns={[
          { head: "Part", cell: ({ part }) => <span className="break">{part ?? "the last"}</span> },
          { head: "Time", cell: ({ at }) => <Moment at={at} /> },
          { head: "Charge", cell: ({ charge }) => <span className="mono small break">{charge}</span> },
          { head: "Results", isNumber: true, cell: ({ units }) => showCount(units) },
          { head: "By its price", isNumber: true, cell: ({ list }) => <Amount of={list} /> },
          { head: "Charged", isNumber: true, cell: ({ charged }) => <Amount of={charged} /> },
          { head: "Given back", isNumber: true, cell: ({ refunded }) => <Amount of={refunded} /> },
        ]}
      />
    </Card>
  );
}

function WhyCard({ of }: { readonly of: Call }): ReactNode {
  const prices = of.price === null ? of.candidates : [of.price];
  return (
    <Card
      title="Why"
      note={
        of.priceList === null ? undefined : (
          <>
            price list {of.priceList.version}, from <Moment at={of.priceList.effectiveAt} /> on
          </>
        )
      }
    >
      {prices.length === 0 ? <p className="soft">The price is not known any more.</p> : null}
      {prices.length > 1 ? <p className="soft">One of these prices applied; all give this amount.</p> : null}
      <ul className="lines">
        {prices.map((price) => (
          <li key={JSON.stringify(price)}>
            <PriceWords of={price} />
          </li>
        ))}
      </ul>
      <TierFacts of={of} />
    </Card>
  );
}

/** Where the account was when the charge was made: it decided the tier. */
function TierFacts({ of: { tiers, growth, creditType } }: { readonly of: Call }): ReactNode {
  if (tiers === null && growth === null) return null;
  return (
    <dl className="facts">
      {tiers === null ? null : (
        <>
          <Line name="Used before it">
            {showCount(tiers.usedBefore)} in the {tiers.within} from <Moment at={tiers.since} />
          </Line>
          <Line name="With it">{showCount(tiers.usedAfter)}</Line>
          <Line name={tiers.applied.length > 1 ? "Its tiers" : "Its tier"}>
            <ul>
              {tiers.applied.map(({ over, cost, units }) => (
                <li key={over}>
                  {showCount(units)} at <Amount of={cost} /> {creditWords(creditType)},{" "}
                  {over === 0 ? "the first tier" : `beyond ${showCount(over)}`}
                </li>
              ))}
            </ul>
          </Line>
        </>
      )}
      {growth === null ? null : (
        <>
          <Line name="Charged before, up to">{showCount(growth.before)}</Line>
          <Line name="The number in the answer">{showCount(growth.reported)}</Line>
        </>
      )}
    </dl>
  );
}

function PriceWords({ of }: { readonly of: PriceJson }): ReactNode {
  return (
    <>
      <span className="mono break">{String(of["match"])}</span>: <strong>{costWords(of)}</strong>{" "}
      <span className="soft">{[chargedOnWords(of), ...otherWords(of)].filter(Boolean).join("; ")}</span>
    </>
  );
}

function CallCard({ of }: { readonly of: Call }): ReactNode {
  return (
    <Card title="The call">
      <dl className="facts">
        <Line name="Time">
          <Moment at={of.at} />
        </Line>
        <Line name="Endpoint">
          <span className="mono">{of.endpoint}</span>
        </Line>
        {of.key === null ? null : (
          <Line name="Key">
            {of.key.name} <span className="mono soft">{of.key.hint}</span>
          </Line>
        )}
        {of.status === null ? null : <Line name="Status">{of.status}</Line>}
        <Line name="Request">
          <span className="mono">{of.requestId ?? "none"}</span>
        </Line>
        {of.charge === null ? null : (
          <Line name="Charge">
            <span className="mono">{of.charge}</span>
          </Line>
        )}
      </dl>
    </Card>
  );
}

function Line({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactNode {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
