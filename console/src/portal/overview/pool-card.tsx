import { type ReactNode, useMemo } from "react";
import { Link } from "react-router";
import type { Overview, Pool } from "../../../../src/client/generated/customer-types.ts";
import {
  computePace,
  HORIZON_DAYS,
  type Projection,
  projectPool,
} from "../../../../src/domain/pools/project-pool.ts";
import { RemainingChart } from "../../charts/remaining-chart.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { creditWords, showAbout, toCredits } from "../../formats/credits.ts";
import { Grants } from "../../formats/grants.tsx";
import { showDate, showDistance } from "../../formats/times.ts";

/** What remains of one credit type, what it is made of, and how long it lasts. */
export function PoolCard({
  pool,
  days,
  now,
}: {
  readonly pool: Pool;
  readonly days: Overview["usage"]["days"];
  readonly now: string;
}): ReactNode {
  const pace = useMemo(() => paceOf(pool.creditType, days), [pool.creditType, days]);
  const projection = useMemo(() => project(pool, pace, now), [pool, pace, now]);
  return (
    <Card
      title={pool.creditType === "credits" ? "Remaining credits" : `Remaining ${pool.creditType} credits`}
      actions={<RunOutBadge projection={projection} pace={pace} balance={toCredits(pool.balance)} />}
    >
      <div className="stack">
        <div>
          <p className="figure">
            <Amount of={pool.available} />
          </p>
          <Held pool={pool} />
        </div>
        <Burn projection={projection} pace={pace} now={now} />
        <Refresh pool={pool} />
        <Grants grants={pool.grants} />
        <p className="small">
          <Link to={`/statement?credit=${encodeURIComponent(pool.creditType)}`}>
            See every line of the statement
          </Link>
        </p>
      </div>
    </Card>
  );
}

function Held({ pool }: { readonly pool: Pool }): ReactNode {
  const held = toCredits(pool.held);
  if (held === 0n) {
    return <p className="soft small">available now; nothing is held for calls under way</p>;
  }
  return (
    <p className="soft small">
      available now, of a balance of <Amount of={pool.balance} />. <Amount of={pool.held} />{" "}
      {held === 1_000_000n ? "is" : "are"} held: set aside for calls or exports under way. What they do not
      use comes back.
    </p>
  );
}

function RunOutBadge({
  projection,
  pace,
  balance,
}: {
  readonly projection: Projection;
  readonly pace: bigint;
  readonly balance: bigint;
}): ReactNode {
  if (balance === 0n) return <Badge tone="bad">used up</Badge>;
  if (pace === 0n) return <Badge>not in use</Badge>;
  const { runsOutAt } = projection;
  if (runsOutAt === undefined) return <Badge tone="good">lasts</Badge>;
  const days = projection.points.length - 1;
  return (
    <Badge tone={days <= 3 ? "bad" : days <= 14 ? "warn" : "plain"}>
      runs out {showDistance(runsOutAt.toISOString())}
    </Badge>
  );
}

function Burn({
  projection,
  pace,
  now,
}: {
  readonly projection: Projection;
  readonly pace: bigint;
  readonly now: string;
}): ReactNode {
  if (pace === 0n)
    return <p className="soft">Nothing was used in the last days, so nothing says how long they last.</p>;
  const { runsOutAt, points } = projection;
  const daily = `${showAbout(pace)} a day, as in the last 7 days`;
  return (
    <div className="stack-small">
      <RemainingChart points={points} />
      <p className="small">
        {runsOutAt === undefined ? (
          <>
            At {daily}, credits last longer than {HORIZON_DAYS} days.
          </>
        ) : (
          <>
            At {daily}, credits run out on{" "}
            <strong>
              <time dateTime={runsOutAt.toISOString()}>{showDate(runsOutAt.toISOString())}</time>
            </strong>{" "}
            ({showDistance(runsOutAt.toISOString(), Date.parse(now))}).
          </>
        )}
      </p>
    </div>
  );
}

const EVERY = { day: "every day", week: "every week", month: "every month", year: "every year" } as const;

function Refresh({ pool }: { readonly pool: Pool }): ReactNode {
  const { recurring } = pool;
  if (recurring === null) return null;
  const { amount, every, nextAt, rollover } = recurring;
  return (
    <dl className="facts small">
      <dt>Next refresh</dt>
      <dd>
        {nextAt === null ? (
          "None: the plan ends before it."
        ) : (
          <>
            <Amount of={amount} /> {creditWords(pool.creditType, toCredits(amount))} on{" "}
            <Moment at={nextAt} as="date" />, then {EVERY[every]}
          </>
        )}
      </dd>
      <dt>What is unused</dt>
      <dd>
        {rollover === "none" ? (
          "goes at the refresh; nothing rolls over"
        ) : rollover === "all" ? (
          "rolls over, all of it"
        ) : (
          <>
            rolls over, at most <Amount of={rollover} />
          </>
        )}
      </dd>
    </dl>
  );
}

function paceOf(creditType: string, days: Overview["usage"]["days"]): bigint {
  return computePace(
    days
      .filter((day) => day.creditType === creditType)
      .map(({ credits, refunded }) => toCredits(credits) - toCredits(refunded)),
  );
}

function project(pool: Pool, pace: bigint, now: string): Projection {
  const { recurring, grants } = pool;
  return projectPool(
    {
      grants: grants.map(({ remaining, expiresAt }) => ({
        remaining: toCredits(remaining),
        expiresAt: expiresAt === null ? undefined : new Date(expiresAt),
      })),
      recurring:
        recurring === null
          ? undefined
          : {
              amount: toCredits(recurring.amount),
              every: recurring.every,
              nextAt: recurring.nextAt === null ? undefined : new Date(recurring.nextAt),
              rollover:
                typeof recurring.rollover === "number" ? toCredits(recurring.rollover) : recurring.rollover,
            },
    },
    pace,
    new Date(now),
  );
}
