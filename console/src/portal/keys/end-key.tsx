import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Key } from "../../../../src/client/generated/customer-types.ts";
import { ConfirmDialog } from "../../design/confirm-dialog.tsx";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { Choice } from "../../design/field.tsx";
import { ShownOnce } from "../../design/shown-once.tsx";
import { ACCOUNT } from "../account-api.ts";

interface Of {
  readonly of: Key;
  readonly onClose: () => void;
}

const GRACES = [
  ["0", "at once"],
  ["3600", "in an hour"],
  ["86400", "in a day"],
  ["604800", "in a week"],
  ["2592000", "in 30 days"],
] as const;

const nameOf = (key: Key): string => (key.name === "" ? key.hint : `${key.name} (${key.hint})`);

/** Gives a key a new text, and shows it once. */
export function RotateKey({ of: key, onClose }: Of): ReactNode {
  const queries = useQueryClient();
  const [grace, setGrace] = useState("86400");
  const rotate = useMutation({
    mutationFn: () => ACCOUNT.rotateKey({ key: key.id, graceSeconds: Number(grace) }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["keys"] }),
  });
  if (rotate.data !== undefined) {
    return <ShownOnce title="The key's new text" text={rotate.data.key} onClose={onClose} />;
  }
  return (
    <Dialog
      title={`Rotate ${nameOf(key)}`}
      text="The key gets a new text. Its name, what it may call, its caps and its usage stay."
      isOpen
      onClose={onClose}
    >
      <DialogForm action="Rotate" busy={rotate.isPending} onSubmit={() => rotate.mutate()} onCancel={onClose}>
        <DialogError error={rotate.error} />
        <Choice
          label="The present text ends"
          value={grace}
          options={GRACES}
          onChange={(event) => setGrace(event.target.value)}
          hint={
            grace === "0"
              ? "Programs that use it are refused within 5 seconds."
              : "Until then both texts work, so that programs can change over."
          }
        />
      </DialogForm>
    </Dialog>
  );
}

/** Ends a key for good. */
export function RevokeKey({ of: key, onClose }: Of): ReactNode {
  return (
    <ConfirmDialog
      title={`Revoke ${nameOf(key)}?`}
      text="Every call with this key is refused within 5 seconds, for good. Programs that use it stop working. This cannot be undone."
      action="Revoke for good"
      run={() => ACCOUNT.revokeKey({ key: key.id })}
      stale={[["keys"]]}
      onClose={onClose}
    />
  );
}
