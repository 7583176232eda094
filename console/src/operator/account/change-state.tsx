import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Account } from "../../../../src/client/generated/types.ts";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { TextField } from "../../design/field.tsx";
import { fieldErrors } from "../../session/describe-error.ts";
import { OPERATOR } from "../operator-api.ts";
import { refresh } from "./give.tsx";

/** Stops all keys of an account, or lets them work again. */
export function ChangeState({
  account,
  to,
  onClose,
}: {
  readonly account: Account;
  readonly to: "suspend" | "resume";
  readonly onClose: () => void;
}): ReactNode {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const change = useMutation({
    mutationFn: () => {
      const input = { account: account.id, reason };
      return to === "suspend" ? OPERATOR.suspendAccount(input) : OPERATOR.resumeAccount(input);
    },
    onSuccess: async () => {
      await refresh(queries, account.id);
      onClose();
    },
  });
  const errors = fieldErrors(change.error);
  return (
    <Dialog
      title={to === "suspend" ? `Suspend ${account.name}?` : `Resume ${account.name}?`}
      text={
        to === "suspend"
          ? "Every call with any key of the account is refused within 5 seconds, until it is resumed. Calls under way are finished and charged. Its credits stay."
          : "The account's keys work again within 5 seconds."
      }
      isOpen
      onClose={onClose}
    >
      <DialogForm
        action={to === "suspend" ? "Suspend the account" : "Resume the account"}
        kind={to === "suspend" ? "danger" : "primary"}
        busy={change.isPending}
        onSubmit={() => change.mutate()}
        onCancel={onClose}
      >
        <DialogError error={change.error} isOfFields={errors.size > 0} />
        <TextField
          label="Reason"
          value={reason}
          error={errors.get("reason")}
          hint="Kept in the audit trail."
          onChange={(event) => setReason(event.target.value)}
        />
      </DialogForm>
    </Dialog>
  );
}
