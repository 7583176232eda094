import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Dialog, DialogForm } from "./dialog.tsx";
import { DialogError } from "./dialog-error.tsx";

/** Asks before what cannot be undone is done: the text says what will happen, the button does it. */
export function ConfirmDialog({
  title,
  text,
  action,
  run,
  stale,
  onClose,
}: {
  readonly title: string;
  readonly text: ReactNode;
  readonly action: string;
  readonly run: () => Promise<unknown>;
  /** What is read anew once it is done. */
  readonly stale: readonly QueryKey[];
  readonly onClose: () => void;
}): ReactNode {
  const queries = useQueryClient();
  const doing = useMutation({
    mutationFn: run,
    onSuccess: async () => {
      for (const queryKey of stale) await queries.invalidateQueries({ queryKey });
      onClose();
    },
  });
  return (
    <Dialog title={title} text={text} isOpen onClose={onClose}>
      <DialogForm
        action={action}
        kind="danger"
        busy={doing.isPending}
        onSubmit={() => doing.mutate()}
        onCancel={onClose}
      >
        <DialogError error={doing.error} />
      </DialogForm>
    </Dialog>
  );
}
