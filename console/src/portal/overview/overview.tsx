import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link, useSearchParams } from "react-router";
import type { Overview as OverviewData } from "../../../../src/client/generated/customer-types.ts";
import { Notice } from "../../design/card.tsx";
import { Page } from "../../design/page.tsx";
import { Segments } from "../../design/segments.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Moment } from "../../formats/amount.tsx";
import { withParam } from "../../formats/with-param.ts";
import { SETTINGS } from "../../session/base.ts";
import { Limits } from "./limits.tsx";
import { OVERVIEW } from "./overview-query.ts";
import { PoolCard } from "./pool-card.tsx";
import { Used } from "./used.tsx";

/** The Credit Cost Overview: what remains, what was used on what, and how long it lasts. */
export function Overview(): ReactNode {
  const overview = useQuery(OVERVIEW);
  const plan = overview.data?.plan;
  return (
    <Page title="Credit Cost Overview" lead={typeof plan === "string" ? `Plan: ${plan}` : undefined}>
      {overview.isPending ? (
        <div className="card">
          <Loading lines={6} />
        </div>
      ) : overview.isError ? (
        <div className="card">
          <Failed error={overview.error} again={() => void overview.refetch()} />
        </div>
      ) : (
        <Loaded data={overview.data} />
      )}
    </Page>
  );
}

function Loaded({ data }: { readonly data: OverviewData }): ReactNode {
  const [params, setParams] = useSearchParams();
  const types = data.usage.totals.map(({ creditType }) => creditType);
  const asked = params.get("credit");
  const creditType = types.find((type) => type === asked) ?? types[0] ?? SETTINGS.creditTypes[0] ?? "credits";
  const choose = (type: string): void =>
    setParams((now) => withParam(now, "credit", type), { replace: true });
  return (
    <>
      <Announced announced={data.announced} />
      <div className="columns">
        {data.pools.map((pool) => (
          <PoolCard key={pool.creditType} pool={pool} days={data.usage.days} now={data.at} />
        ))}
      </div>
      {data.pools.length === 0 ? (
        <div className="card">
          <Empty title="No credits yet">
            <p>When credits are added to your account, they appear here.</p>
          </Empty>
        </div>
      ) : null}
      {types.length > 1 ? (
        <div>
          <Segments
            label="Credit type"
            value={creditType}
            options={types.map((type) => [type, type] as const)}
            onChange={choose}
          />
        </div>
      ) : null}
      <Used data={data} creditType={creditType} />
      <Limits limits={data.limits} />
    </>
  );
}

function Announced({ announced }: { readonly announced: OverviewData["announced"] }): ReactNode {
  const [next] = announced;
  const [isHidden, hide] = useState(false);
  if (next === undefined || isHidden) return null;
  return (
    <Notice>
      <span>
        Prices change on <Moment at={next.effectiveAt} as="date" />.{" "}
        <Link to="/prices">See what changes</Link>
      </span>
      <button type="button" className="button" data-kind="quiet" data-size="small" onClick={() => hide(true)}>
        Hide
      </button>
    </Notice>
  );
}
