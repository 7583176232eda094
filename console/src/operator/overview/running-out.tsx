import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import { Button } from "../../design/button.tsx";
import { Card } from "../../design/card.tsx";
import { Choice } from "../../design/field.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { withParam } from "../../formats/with-param.ts";
import { OPERATOR } from "../operator-api.ts";

const DAYS = ["3", "7", "14", "30", "90"] as const;

/** Accounts that run out soon at their present pace. */
export function RunningOut({ creditType }: { readonly creditType: string }): ReactNode {
  const [params, setParams] = useSearchParams();
  const days = DAYS.find((value) => value === params.get("days")) ?? "7";
  const pools = useInfiniteQuery({
    queryKey: ["running-out", creditType, days],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      OPERATOR.listRunningOut({ creditType, days: Number(days), limit: 50, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const list = (pools.data?.pages.flatMap((page) => page.pools) ?? []).toSorted(
    (one, other) => Date.parse(one.runsOutAt) - Date.parse(other.runsOutAt),
  );
  return (
    <Card
      title="Accounts that run out"
      note="at the pace of the last seven days, refreshes and expiries counted"
      actions={
        <Choice
          label="Within"
          value={days}
          options={DAYS.map((value) => [value, `${value} days`] as const)}
          onChange={(event) =>
            setParams((now) => withParam(now, "days", event.target.value), { replace: true })
          }
        />
      }
      flush
    >
      {pools.isPending ? (
        <Loading lines={4} />
      ) : pools.isError ? (
        <Failed error={pools.error} again={() => void pools.refetch()} />
      ) : list.length === 0 && !pools.hasNextPage ? (
        <Empty title={`No account runs out within ${days} days`} />
      ) : (
        <Table
          caption="Accounts that run out, the soonest first"
          rows={list}
          keyOf={({ account }) => account}
          columns={[
            {
              head: "Account",
              cell: ({ account, name }) => (
                <Link to={`/accounts/${account}`} className="break">
                  {name}
                </Link>
              ),
            },
            { head: "Plan", cell: ({ plan }) => plan ?? "" },
            { head: "Balance", isNumber: true, cell: ({ balance }) => <Amount of={balance} /> },
            { head: "Used a day", isNumber: true, cell: ({ pace }) => <Amount of={pace} /> },
            { head: "Runs out", cell: ({ runsOutAt }) => <Moment at={runsOutAt} as="date" /> },
          ]}
          foot={
            pools.hasNextPage ? (
              <Button onClick={() => void pools.fetchNextPage()} busy={pools.isFetchingNextPage}>
                Look through more accounts
              </Button>
            ) : null
          }
        />
      )}
    </Card>
  );
}
