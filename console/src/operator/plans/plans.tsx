import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Plan } from "../../../../src/client/generated/types.ts";
import { Badge, Card } from "../../design/card.tsx";
import { Page } from "../../design/page.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { showCount, showCredits, showMany, toCredits } from "../../formats/credits.ts";
import { OPERATOR } from "../operator-api.ts";

/** The plans of farebox.yaml, and those that accounts still have. */
export default function Plans(): ReactNode {
  const plans = useQuery({
    queryKey: ["plans"],
    queryFn: ({ signal }) => OPERATOR.listPlans({}, { signal }),
  });
  return (
    <Page title="Plans" lead="Written in farebox.yaml; a change takes effect when Farebox starts.">
      {plans.isPending ? (
        <div className="card">
          <Loading />
        </div>
      ) : plans.isError ? (
        <div className="card">
          <Failed error={plans.error} again={() => void plans.refetch()} />
        </div>
      ) : plans.data.plans.length === 0 ? (
        <div className="card">
          <Empty title="No plan yet" />
        </div>
      ) : (
        plans.data.plans.map((plan) => <PlanCard key={plan.name} of={plan} />)
      )}
    </Page>
  );
}

function PlanCard({ of }: { readonly of: Plan }): ReactNode {
  return (
    <Card
      title={of.name}
      note={`version ${of.version}`}
      actions={
        <Link to={`/accounts?plan=${encodeURIComponent(of.name)}`}>
          <Badge>{showMany(of.accounts, "account")}</Badge>
        </Link>
      }
    >
      <dl className="facts">
        {of.recurring.map(({ creditType, amount, every, rollover }) => (
          <Line key={creditType} name="Grants">
            {showCredits(toCredits(amount))} {creditType} every {every};{" "}
            {rollover === "none"
              ? "what is unused goes"
              : rollover === "all"
                ? "what is unused stays"
                : `at most ${showCredits(toCredits(rollover))} of what is unused stay`}
          </Line>
        ))}
        {of.limits.map(({ match, requests, counts, windowSeconds, by }) => (
          <Line key={`${match} ${windowSeconds} ${by}`} name="Limit">
            <span className="mono">{match}</span>: {showCount(requests)} {counts} in{" "}
            {showCount(windowSeconds)} s for each {by}
          </Line>
        ))}
        {of.caps.map(({ creditType, day, month, total }) => (
          <Line key={creditType} name="Caps of keys">
            {creditType}:{" "}
            {[capWords(day, "a day"), capWords(month, "a month"), capWords(total, "in all")]
              .filter(Boolean)
              .join(", ")}
          </Line>
        ))}
      </dl>
    </Card>
  );
}

const capWords = (amount: number | null, words: string): string =>
  amount === null ? "" : `${showCredits(toCredits(amount))} ${words}`;

function Line({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactNode {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
