import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import type { Account } from "../../../../src/client/generated/types.ts";
import { Button, DownloadLink } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { Choice, TextField } from "../../design/field.tsx";
import { Page } from "../../design/page.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { Table } from "../../design/table.tsx";
import { Moment } from "../../formats/amount.tsx";
import { withParam } from "../../formats/with-param.ts";
import { fieldErrors } from "../../session/describe-error.ts";
import { mayAs, OPERATOR, operatorCsvHref, type Role } from "../operator-api.ts";
import { ACCOUNT_TONES } from "./account-tones.ts";
import { FindKey } from "./find-key.tsx";

const STATES = ["active", "suspended", "closed"] as const;

/** All accounts, a page at a time: found by name, id or metadata, or by the text of a key. */
export default function Accounts({ role }: { readonly role: Role }): ReactNode {
  const [params, setParams] = useSearchParams();
  const [isCreating, setCreating] = useState(false);
  const [isFinding, setFinding] = useState(false);
  const set = (name: string, value: string): void =>
    setParams((now) => withParam(now, name, value), { replace: true });
  const state = STATES.find((name) => name === params.get("state"));
  const sort = (["oldest", "name"] as const).find((name) => name === params.get("sort")) ?? "newest";
  const filter = {
    q: params.get("q") ?? undefined,
    metadata: readMetadata(params.get("metadata")),
    plan: params.get("plan") ?? undefined,
    state,
    sort,
  } as const;
  const asked = useDeferredValue(JSON.stringify(filter));
  const accounts = useInfiniteQuery({
    queryKey: ["accounts", asked],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      OPERATOR.listAccounts({ ...filter, limit: 50, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const list = accounts.data?.pages.flatMap((page) => page.accounts) ?? [];
  return (
    <Page
      title="Accounts"
      actions={
        <>
          <DownloadLink href={operatorCsvHref("/v1/accounts", { ...filter })}>CSV</DownloadLink>
          <Button onClick={() => setFinding(true)}>Find a key</Button>
          {mayAs(role, "admin") ? (
            <Button kind="primary" onClick={() => setCreating(true)}>
              Create an account
            </Button>
          ) : null}
        </>
      }
    >
      <div className="filters">
        <TextField
          label="Find"
          type="search"
          placeholder="Part of the name or the id"
          value={params.get("q") ?? ""}
          onChange={(event) => set("q", event.target.value)}
        />
        <TextField
          label="Metadata"
          placeholder="crm:42"
          value={params.get("metadata") ?? ""}
          onChange={(event) => set("metadata", event.target.value)}
        />
        <Choice
          label="State"
          value={state ?? ""}
          options={[["", "All"], ...STATES.map((name) => [name, name] as const)]}
          onChange={(event) => set("state", event.target.value)}
        />
        <Choice
          label="Order"
          value={sort}
          options={[
            ["newest", "Newest first"],
            ["oldest", "Oldest first"],
            ["name", "By name"],
          ]}
          onChange={(event) => set("sort", event.target.value)}
        />
      </div>
      <Card title="Accounts" flush>
        {accounts.isPending ? (
          <Loading lines={8} />
        ) : accounts.isError ? (
          <Failed error={accounts.error} again={() => void accounts.refetch()} />
        ) : list.length === 0 ? (
          <Empty title="No account matches" />
        ) : (
          <Table
            caption="Accounts"
            rows={list}
            keyOf={({ id }) => id}
            columns={[
              {
                head: "Name",
                cell: ({ id, name }) => (
                  <Link to={`/accounts/${id}`} className="break">
                    {name}
                  </Link>
                ),
              },
              { head: "Id", cell: ({ id }) => <span className="mono small">{id}</span> },
              { head: "State", cell: (account) => <StateBadge of={account} /> },
              { head: "Plan", cell: ({ plan }) => plan ?? "" },
              { head: "Created", cell: ({ createdAt }) => <Moment at={createdAt} as="date" /> },
            ]}
            foot={
              accounts.hasNextPage ? (
                <Button onClick={() => void accounts.fetchNextPage()} busy={accounts.isFetchingNextPage}>
                  Show more accounts
                </Button>
              ) : null
            }
          />
        )}
      </Card>
      {isFinding ? <FindKey onClose={() => setFinding(false)} /> : null}
      {isCreating ? <CreateAccount onClose={() => setCreating(false)} /> : null}
    </Page>
  );
}

function StateBadge({ of: { state } }: { readonly of: Account }): ReactNode {
  return <Badge tone={ACCOUNT_TONES[state]}>{state}</Badge>;
}

/** `name:value`, as the API takes it; what is being typed is no filter yet. */
const readMetadata = (text: string | null): string | undefined =>
  text !== null && /^[^:]+:./.test(text) ? text : undefined;

function CreateAccount({ onClose }: { readonly onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [plan, setPlan] = useState("");
  const create = useMutation({
    mutationFn: () => OPERATOR.createAccount({ name, ...(plan === "" ? {} : { plan }) }),
    onSuccess: async ({ id }) => {
      await queries.invalidateQueries({ queryKey: ["accounts"] });
      await navigate(`/accounts/${id}`);
    },
  });
  const errors = fieldErrors(create.error);
  return (
    <Dialog title="Create an account" isOpen onClose={onClose}>
      <DialogForm action="Create" busy={create.isPending} onSubmit={() => create.mutate()} onCancel={onClose}>
        <DialogError error={create.error} isOfFields={errors.size > 0} />
        <TextField
          label="Name"
          value={name}
          error={errors.get("name")}
          onChange={(event) => setName(event.target.value)}
        />
        <TextField
          label="Plan"
          value={plan}
          error={errors.get("plan")}
          hint="Empty: none. With one, its first grants come at once."
          onChange={(event) => setPlan(event.target.value)}
        />
      </DialogForm>
    </Dialog>
  );
}
