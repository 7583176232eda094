import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Account } from "../../../../src/client/generated/types.ts";
import { ConfirmDialog } from "../../design/confirm-dialog.tsx";
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
  return (
    <ConfirmDialog
      title={`Sign out all customers of ${account.name}?`}
      text="Every browser that is signed in to the portal is signed out, and links that were not used work no more. Whoever has a key can sign in again."
      action="Sign them out"
      run={() => OPERATOR.endAccountSessions({ account: account.id })}
      stale={[["sessions"]]}
      onClose={onClose}
    />
  );
}
