import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Account } from "../../../../src/client/generated/types.ts";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { Choice } from "../../design/field.tsx";
import { ShownOnce } from "../../design/shown-once.tsx";
import { OPERATOR } from "../operator-api.ts";

interface Of {
  readonly account: Account;
  readonly onClose: () => void;
}

/** Makes a link that signs one of the account's customers in to the portal, once. */
export function MakePortalLink({ account, onClose }: Of): ReactNode {
  const [access, setAccess] = useState<"read" | "manage">("read");
  const make = useMutation({ mutationFn: () => OPERATOR.createPortalLink({ account: account.id, access }) });
  if (make.data !== undefined) {
    return (
      <ShownOnce
        title="A link to the portal, on the gateway's address"
        text={make.data.path}
        onClose={onClose}
      />
    );
  }
  return (
    <Dialog
      title={`A portal link for ${account.name}`}
      text="Whoever opens it is signed in to the portal as this account's customer. It works once, for five minutes."
      isOpen
      onClose={onClose}
    >
      <DialogForm
        action="Make the link"
        busy={make.isPending}
        onSubmit={() => make.mutate()}
        onCancel={onClose}
      >
        <DialogError error={make.error} />
        <Choice
          label="They may"
          value={access}
          options={[
            ["read", "look"],
            ["manage", "look, and manage keys where self-service is on"],
          ]}
          onChange={(event) => setAccess(event.target.value === "manage" ? "manage" : "read")}
        />
      </DialogForm>
    </Dialog>
  );
}

/** Signs the account's customers out of every browser. */
export function SignOutEverywhere({ account, onClose }: Of): ReactNode {
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: () => OPERATOR.endAccountSessions({ account: account.id }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["sessions"] });
      onClose();
    },
  });
  return (
    <Dialog
      title={`Sign out all customers of ${account.name}?`}
      text="Every browser that is signed in to the portal is signed out, and links that were not used work no more. Whoever has a key can sign in again."
      isOpen
      onClose={onClose}
    >
      <DialogForm
        action="Sign them out"
        kind="danger"
        busy={end.isPending}
        onSubmit={() => end.mutate()}
        onCancel={onClose}
      >
        <DialogError error={end.error} />
      </DialogForm>
    </Dialog>
  );
}
