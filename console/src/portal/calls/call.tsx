import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useParams } from "react-router";
import { Page } from "../../design/page.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import { ExplainedCall } from "../../formats/explained-call.tsx";
import { ACCOUNT } from "../account-api.ts";

/** "Why was I charged 40?", for one request. */
export default function Call(): ReactNode {
  const id = useParams()["call"] ?? "";
  const call = useQuery({
    queryKey: ["call", id],
    queryFn: ({ signal }) => ACCOUNT.getCall({ call: id }, { signal }),
  });
  return (
    <Page title="One call" lead={<span className="mono small break">{id}</span>}>
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
