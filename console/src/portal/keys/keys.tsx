import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useSearchParams } from "react-router";
import type { Key } from "../../../../src/client/generated/customer-types.ts";
import { Button } from "../../design/button.tsx";
import { Notice } from "../../design/card.tsx";
import { Choice, TextField } from "../../design/field.tsx";
import { Page } from "../../design/page.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { withParam } from "../../formats/with-param.ts";
import { SETTINGS } from "../../session/base.ts";
import { ACCOUNT } from "../account-api.ts";
import { CreateKey } from "./create-key.tsx";
import { KeyCard } from "./key-card.tsx";

const STATES = [
  ["", "All"],
  ["active", "Active"],
  ["expired", "Expired"],
  ["revoked", "Revoked"],
] as const;

const LEAD = "What your programs call the API with. All of them draw on the same credits.";

/** The account's keys, where customers see and manage them at all. */
export default function Keys({ access }: { readonly access: "read" | "manage" }): ReactNode {
  if (SETTINGS.selfServiceKeys === true) return <OwnKeys canManage={access === "manage"} />;
  return (
    <Page title="Keys" lead={LEAD}>
      <Notice>
        Your keys are managed by your provider. Ask there for a new one, or to have one changed or revoked.
      </Notice>
    </Page>
  );
}

/** What each may call and spend. Their texts are shown once, when they are made. */
function OwnKeys({ canManage }: { readonly canManage: boolean }): ReactNode {
  const [params, setParams] = useSearchParams();
  const [isCreating, setCreating] = useState(false);
  const state = (["active", "expired", "revoked"] as const).find((name) => name === params.get("state"));
  const q = params.get("q") ?? "";
  const keys = useInfiniteQuery({
    queryKey: ["keys", "list", q, state],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      ACCOUNT.listKeys({ q: q === "" ? undefined : q, state, limit: 30, cursor: pageParam }, { signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const list = keys.data?.pages.flatMap((page) => page.keys) ?? [];
  return (
    <Page
      title="Keys"
      lead={LEAD}
      actions={
        canManage ? (
          <Button kind="primary" onClick={() => setCreating(true)}>
            Create a key
          </Button>
        ) : undefined
      }
    >
      {canManage ? null : (
        <Notice>You are signed in to read. Keys are changed by someone who may manage them.</Notice>
      )}
      <div className="filters">
        <TextField
          label="Find"
          type="search"
          placeholder="Name, or the end of a key"
          value={q}
          onChange={(event) => setParams((now) => withParam(now, "q", event.target.value), { replace: true })}
        />
        <Choice
          label="State"
          value={state ?? ""}
          options={STATES}
          onChange={(event) =>
            setParams((now) => withParam(now, "state", event.target.value), { replace: true })
          }
        />
      </div>
      <KeyList keys={keys} list={list} canManage={canManage} isFiltered={q !== "" || state !== undefined} />
      {isCreating ? <CreateKey onClose={() => setCreating(false)} /> : null}
    </Page>
  );
}

function KeyList({
  keys,
  list,
  canManage,
  isFiltered,
}: {
  readonly keys: Pick<
    ReturnType<typeof useInfiniteQuery>,
    "isPending" | "isError" | "error" | "refetch" | "hasNextPage" | "fetchNextPage" | "isFetchingNextPage"
  >;
  readonly list: readonly Key[];
  readonly canManage: boolean;
  readonly isFiltered: boolean;
}): ReactNode {
  if (keys.isPending) {
    return (
      <div className="card">
        <Loading />
      </div>
    );
  }
  if (keys.isError) {
    return (
      <div className="card">
        <Failed error={keys.error} again={() => void keys.refetch()} />
      </div>
    );
  }
  if (list.length === 0) {
    return (
      <div className="card">
        <Empty title={isFiltered ? "No key matches" : "No key yet"} />
      </div>
    );
  }
  return (
    <>
      <p className="small soft" role="status">
        {list.length}
        {keys.hasNextPage ? " or more" : ""} {list.length === 1 ? "key" : "keys"}
      </p>
      <div className="stack">
        {list.map((key) => (
          <KeyCard key={key.id} of={key} canManage={canManage} />
        ))}
      </div>
      {keys.hasNextPage ? (
        <div>
          <Button onClick={() => void keys.fetchNextPage()} busy={keys.isFetchingNextPage}>
            Show more keys
          </Button>
        </div>
      ) : null}
    </>
  );
}
