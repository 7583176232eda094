import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { ShownOnce } from "../../design/shown-once.tsx";
import { fieldErrors } from "../../session/describe-error.ts";
import { ACCOUNT } from "../account-api.ts";
import { EMPTY_DRAFT, KeyFields, readDraft } from "./key-fields.tsx";

/** Makes a key, and shows its text once. */
export function CreateKey({ onClose }: { readonly onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const [draft, setDraft] = useState(EMPTY_DRAFT);
  const create = useMutation({
    mutationFn: () => {
      const { name, scopes, caps, expiresAt } = readDraft(draft);
      return ACCOUNT.createKey({
        ...(name === "" ? {} : { name }),
        scopes,
        caps,
        ...(expiresAt === null ? {} : { expiresAt }),
      });
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["keys"] }),
  });
  if (create.data !== undefined) {
    return <ShownOnce title="Your new key" text={create.data.key} onClose={onClose} />;
  }
  const errors = fieldErrors(create.error);
  return (
    <Dialog title="Create a key" isOpen onClose={onClose}>
      <DialogForm action="Create" busy={create.isPending} onSubmit={() => create.mutate()} onCancel={onClose}>
        <DialogError error={create.error} isOfFields={errors.size > 0} />
        <KeyFields draft={draft} errors={errors} onChange={setDraft} />
      </DialogForm>
    </Dialog>
  );
}
