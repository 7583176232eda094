import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { readAccountName } from "./account-names.ts";

/** An account by its name and its id. Until the name is there, and of an account that is gone, by its id alone. */
export function AccountLink({ id }: { readonly id: string }): ReactNode {
  const name = useQuery({
    queryKey: ["account-name", id],
    queryFn: () => readAccountName(id),
    staleTime: 300_000,
  });
  if (name.data === undefined || name.data === null || name.data === "") {
    return (
      <Link to={`/accounts/${id}`} className="mono small break">
        {id}
      </Link>
    );
  }
  return (
    // One thing: on a phone a row's cell lays out its children side by side.
    <span>
      <Link to={`/accounts/${id}`} className="break">
        {name.data}
      </Link>{" "}
      <span className="mono small soft break">{id}</span>
    </span>
  );
}
