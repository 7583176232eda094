import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Key } from "../../../../src/client/generated/customer-types.ts";
import { Notice } from "../../design/card.tsx";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { fieldErrors } from "../../session/describe-error.ts";
import { ACCOUNT } from "../account-api.ts";
import { EMPTY_DRAFT, type KeyDraft, KeyFields, readDraft } from "./key-fields.tsx";

/** Changes what a key may do. */
export function EditKey({ of: key, onClose }: { readonly of: Key; readonly onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const [draft, setDraft] = useState(() => draftOf(key));
  const change = useMutation({
    mutationFn: () => {
      const { name, scopes, caps, expiresAt } = readDraft(draft);
      const own = key.caps.filter(
        ({ source, creditType }) => source === "key" && creditType !== draft.creditType,
      );
      const others = own.map(({ creditType, day, month, total }) => ({ creditType, day, month, total }));
      return ACCOUNT.updateKey({
        key: key.id,
        ...(name === "" ? {} : { name }),
        scopes,
        caps: [...others, ...caps],
        expiresAt,
      });
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["keys"] });
      onClose();
    },
  });
  const errors = fieldErrors(change.error);
  return (
    <Dialog title={`Change ${key.name === "" ? key.hint : key.name}`} isOpen onClose={onClose}>
      <DialogForm action="Save" busy={change.isPending} onSubmit={() => change.mutate()} onCancel={onClose}>
        <DialogError error={change.error} isOfFields={errors.size > 0} />
        {key.caps.some(({ source }) => source === "plan") ? (
          <Notice>Its present caps come from the plan. Without caps of its own they go on applying.</Notice>
        ) : null}
        <KeyFields draft={draft} errors={errors} onChange={setDraft} />
      </DialogForm>
    </Dialog>
  );
}

function draftOf(key: Key): KeyDraft {
  const cap = key.caps.find(({ source }) => source === "key");
  const text = (amount: number | null | undefined): string =>
    amount === null || amount === undefined ? "" : String(amount);
  return {
    name: key.name,
    scopes: (key.scopes ?? []).join("\n"),
    creditType: cap?.creditType ?? EMPTY_DRAFT.creditType,
    day: text(cap?.day),
    month: text(cap?.month),
    total: text(cap?.total),
    expiresAt: key.expiresAt === null ? "" : toLocal(new Date(key.expiresAt)),
  };
}

/** As `<input type="datetime-local">` has it, in the reader's time zone. */
function toLocal(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
