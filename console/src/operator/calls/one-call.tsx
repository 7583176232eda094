import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useParams } from "react-router";
import { Page } from "../../design/page.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import { ExplainedCall } from "../../formats/explained-call.tsx";
import { AccountLink } from "../account-link.tsx";
import { OPERATOR } from "../operator-api.ts";

/** One call of whichever account. */
export default function OneCall(): ReactNode {
  const id = useParams()["call"] ?? "";
  const call = useQuery({
    queryKey: ["call", id],
    queryFn: ({ signal }) => OPERATOR.getCall({ call: id }, { signal }),
  });
  return (
    <Page
      title="One call"
      lead={
        call.data === undefined ? (
          <span className="mono small break">{id}</span>
        ) : (
          <>
            of <AccountLink id={call.data.account} />
          </>
        )
      }
    >
      {call.isPending ? (
        <div className="card">
          <Loading />
        </div>
      ) : call.isError ? (
        <div className="card">
          <Failed error={call.error} again={() => void call.refetch()} />
        </div>
      ) : (
        <ExplainedCall of={call.data} />
      )}
    </Page>
  );
}
