import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link, useParams } from "react-router";
import type { Account as AccountData, Balances } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { Page } from "../../design/page.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { creditWords } from "../../formats/credits.ts";
import { Grants } from "../../formats/grants.tsx";
import { Sessions } from "../access/sessions.tsx";
import { ACCOUNT_TONES } from "../accounts/account-tones.ts";
import { mayAs, OPERATOR, type Role } from "../operator-api.ts";
import { ChangePlan } from "./change-plan.tsx";
import { ChangeState } from "./change-state.tsx";
import { AccountEntries } from "./entries.tsx";
import { AdjustPool, GrantCredits } from "./give.tsx";
import { AccountKeys } from "./keys.tsx";
import { LongHolds } from "./long-holds.tsx";
import { OwnPrices } from "./own-prices.tsx";
import { MakePortalLink, SignOutEverywhere } from "./portal-access.tsx";

type Doing = "grant" | "adjust" | "suspend" | "resume" | "plan" | "link" | "sign-out" | undefined;

/** One account: what it has, what happened to it, and what an operator may do about it. */
export default function Account({ role }: { readonly role: Role }): ReactNode {
  const id = useParams()["account"] ?? "";
  const [doing, setDoing] = useState<Doing>();
  const account = useQuery({
    queryKey: ["account", id],
    queryFn: ({ signal }) => OPERATOR.getAccount({ account: id }, { signal }),
  });
  const close = (): void => setDoing(undefined);
  if (account.isPending) return <Loading />;
  if (account.isError) {
    return (
      <Page title="Account">
        <div className="card">
          <Failed error={account.error} again={() => void account.refetch()} />
        </div>
      </Page>
    );
  }
  const of = account.data;
  return (
    <Page
      title={of.name}
      lead={<span className="mono small">{of.id}</span>}
      actions={<Actions of={of} role={role} onChoose={setDoing} />}
    >
      <div className="columns">
        <Facts of={of} />
        <Pools id={id} />
      </div>
      <AccountEntries id={id} mayRefund={mayAs(role, "support")} />
      <LongHolds id={id} mayRelease={mayAs(role, "support")} />
      <AccountKeys id={id} mayRevoke={mayAs(role, "admin")} />
      <OwnPrices account={of} mayChange={mayAs(role, "admin")} />
      <Sessions account={id} mayEnd={mayAs(role, "admin")} />
      <div className="row">
        {mayAs(role, "support") ? (
          <>
            <Button onClick={() => setDoing("link")}>Make a portal link</Button>
            <Button onClick={() => setDoing("sign-out")}>Sign out everywhere</Button>
          </>
        ) : null}
        <Link to={`/exports?account=${id}`}>Exports</Link>
        <Link to={`/audit-trail?account=${id}`}>Audit trail</Link>
      </div>
      {doing === "grant" ? <GrantCredits account={of} onClose={close} /> : null}
      {doing === "adjust" ? <AdjustPool account={of} onClose={close} /> : null}
      {doing === "plan" ? <ChangePlan account={of} onClose={close} /> : null}
      {doing === "link" ? <MakePortalLink account={of} onClose={close} /> : null}
      {doing === "sign-out" ? <SignOutEverywhere account={of} onClose={close} /> : null}
      {doing === "suspend" || doing === "resume" ? (
        <ChangeState account={of} to={doing} onClose={close} />
      ) : null}
    </Page>
  );
}

function Actions({
  of,
  role,
  onChoose,
}: {
  readonly of: AccountData;
  readonly role: Role;
  readonly onChoose: (doing: Doing) => void;
}): ReactNode {
  return (
    <>
      <Badge tone={ACCOUNT_TONES[of.state]}>{of.state}</Badge>
      {mayAs(role, "admin") && of.state === "active" ? (
        <Button onClick={() => onChoose("suspend")}>Suspend</Button>
      ) : null}
      {mayAs(role, "admin") && of.state === "suspended" ? (
        <Button onClick={() => onChoose("resume")}>Resume</Button>
      ) : null}
      {mayAs(role, "admin") && of.state !== "closed" ? (
        <>
          <Button onClick={() => onChoose("plan")}>Change plan</Button>
          <Button onClick={() => onChoose("adjust")}>Adjust</Button>
        </>
      ) : null}
      {mayAs(role, "support") && of.state !== "closed" ? (
        <Button kind="primary" onClick={() => onChoose("grant")}>
          Grant credits
        </Button>
      ) : null}
    </>
  );
}

function Facts({ of }: { readonly of: AccountData }): ReactNode {
  return (
    <Card title="Account">
      <dl className="facts">
        <dt>Plan</dt>
        <dd>
          {of.plan ?? "none"}
          {of.nextPlanAt === null ? null : (
            <span className="soft">
              , {of.nextPlan ?? "none"} from <Moment at={of.nextPlanAt} /> on
            </span>
          )}
        </dd>
        <dt>Created</dt>
        <dd>
          <Moment at={of.createdAt} />
        </dd>
        {Object.entries(of.metadata).map(([name, value]) => (
          <Member key={name} name={name} value={value} />
        ))}
      </dl>
    </Card>
  );
}

function Member({ name, value }: { readonly name: string; readonly value: unknown }): ReactNode {
  return (
    <>
      <dt className="break">{name}</dt>
      <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
    </>
  );
}

function Pools({ id }: { readonly id: string }): ReactNode {
  const balances = useQuery({
    queryKey: ["balances", id],
    queryFn: ({ signal }) => OPERATOR.getBalances({ account: id }, { signal }),
  });
  return (
    <Card title="Pools" flush>
      {balances.isPending ? (
        <Loading lines={2} />
      ) : balances.isError ? (
        <Failed error={balances.error} again={() => void balances.refetch()} />
      ) : balances.data.pools.length === 0 ? (
        <Empty title="No credits yet" />
      ) : (
        <>
          <PoolTable pools={balances.data.pools} />
          <div className="card-body stack">
            {balances.data.pools.map(({ creditType, grants }) => (
              <Grants
                key={creditType}
                grants={grants}
                title={`Grants of ${creditWords(creditType)}, in the order in which they are spent`}
              />
            ))}
          </div>
        </>
      )}
    </Card>
  );
}

function PoolTable({ pools }: { readonly pools: Balances["pools"] }): ReactNode {
  return (
    <Table
      caption="Pools of the account"
      rows={pools}
      keyOf={({ creditType }) => creditType}
      columns={[
        { head: "Credit type", cell: ({ creditType }) => creditType },
        { head: "Available", isNumber: true, cell: ({ available }) => <Amount of={available} /> },
        { head: "Held", isNumber: true, cell: ({ held }) => <Amount of={held} /> },
        { head: "Balance", isNumber: true, cell: ({ balance }) => <Amount of={balance} /> },
        {
          head: "Next refresh",
          cell: ({ recurring }) =>
            recurring === null || recurring.nextAt === null ? null : (
              <span>
                <Amount of={recurring.amount} /> on <Moment at={recurring.nextAt} as="date" />
              </span>
            ),
        },
      ]}
    />
  );
}
