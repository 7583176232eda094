import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Entry } from "../../../../src/client/generated/types.ts";
import { Notice } from "../../design/card.tsx";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { TextField } from "../../design/field.tsx";
import { showCredits, toCredits } from "../../formats/credits.ts";
import { showMoment } from "../../formats/times.ts";
import { fieldErrors } from "../../session/describe-error.ts";
import { OPERATOR } from "../operator-api.ts";
import { refresh } from "./give.tsx";

/** Reverses all or part of a charge. What is left of it is read first: that is what can be given back. */
export function RefundCharge({
  account,
  entry,
  onClose,
}: {
  readonly account: string;
  readonly entry: Entry;
  readonly onClose: () => void;
}): ReactNode {
  const queries = useQueryClient();
  const [amount, setAmount] = useState("");
  const [reason, setReason] = useState("");
  const charge = entry.charge ?? "";
  const left = useQuery({
    queryKey: ["refundable", account, charge],
    queryFn: () => readLeft(account, entry),
    staleTime: 0,
  });
  const refund = useMutation({
    mutationFn: () =>
      OPERATOR.createRefund({
        charge,
        ...(amount.trim() === "" ? {} : { amount: amount.trim() }),
        ...(reason === "" ? {} : { reason }),
      }),
    onSuccess: async () => {
      await refresh(queries, account);
      onClose();
    },
  });
  const errors = fieldErrors(refund.error);
  const all = left.data === undefined ? undefined : showCredits(left.data);
  const given = amount.trim() === "" ? all : amount.trim();
  return (
    <Dialog
      title="Refund a charge"
      text={`${entry.endpoint ?? "A charge"} on ${showMoment(entry.at)}: ${showCredits(-toCredits(entry.amount))} ${entry.creditType} charged. The credits return to the grants that paid for it.`}
      isOpen
      onClose={onClose}
    >
      <DialogForm
        action={given === undefined ? "Refund" : `Refund ${given} ${entry.creditType}`}
        busy={refund.isPending}
        canSubmit={left.data !== 0n}
        onSubmit={() => refund.mutate()}
        onCancel={onClose}
      >
        <DialogError error={refund.error} isOfFields={errors.size > 0} />
        <DialogError error={left.error} of="read" />
        {left.data === 0n ? (
          <Notice tone="warn">Nothing is left of this charge: all of it was given back.</Notice>
        ) : null}
        <TextField
          label="Amount"
          inputMode="decimal"
          value={amount}
          error={errors.get("amount")}
          placeholder={all ?? ""}
          hint={all === undefined ? undefined : `Empty: all that is left of it, ${all}.`}
          onChange={(event) => setAmount(event.target.value)}
        />
        <TextField
          label="Reason"
          value={reason}
          error={errors.get("reason")}
          hint="Kept with the entry. The customer does not see it."
          onChange={(event) => setReason(event.target.value)}
        />
      </DialogForm>
    </Dialog>
  );
}

/** The charge less its refunds, which stand after it in the pool. Micro-credits. */
async function readLeft(account: string, entry: Entry): Promise<bigint> {
  let left = -toCredits(entry.amount);
  let cursor: string | undefined;
  do {
    const page = await OPERATOR.listEntries({
      account,
      creditType: entry.creditType,
      kind: "refund",
      from: entry.at,
      limit: 500,
      cursor,
    });
    for (const line of page.entries) if (line.charge === entry.charge) left -= toCredits(line.amount);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return left;
}
