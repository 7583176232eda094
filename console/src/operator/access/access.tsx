import type { ReactNode } from "react";
import { Page } from "../../design/page.tsx";
import { mayAs, type Role } from "../operator-api.ts";
import { Sessions } from "./sessions.tsx";
import { Tokens } from "./tokens.tsx";

/** Who may ask the operator API, and who is signed in. */
export default function Access({ role }: { readonly role: Role }): ReactNode {
  const isAdmin = mayAs(role, "admin");
  return (
    <Page title="Access" lead="Named tokens, and who is signed in.">
      {isAdmin ? <Tokens /> : null}
      <Sessions mayEnd={isAdmin} />
    </Page>
  );
}
