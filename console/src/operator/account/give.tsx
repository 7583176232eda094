import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Account } from "../../../../src/client/generated/types.ts";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { Choice, TextField } from "../../design/field.tsx";
import { readDay } from "../../formats/read-day.ts";
import { SETTINGS } from "../../session/base.ts";
import { fieldErrors } from "../../session/describe-error.ts";
import { OPERATOR } from "../operator-api.ts";

interface Of {
  readonly account: Account;
  readonly onClose: () => void;
}

const TYPES = SETTINGS.creditTypes.map((type) => [type, type] as const);

/** Adds a block of credits. The button says how many and to whom. */
export function GrantCredits({ account, onClose }: Of): ReactNode {
  const queries = useQueryClient();
  const [amount, setAmount] = useState("");
  const [creditType, setCreditType] = useState(SETTINGS.creditTypes[0] ?? "credits");
  const [source, setSource] = useState<"topup" | "promo">("topup");
  const [expires, setExpires] = useState("");
  const [reference, setReference] = useState("");
  const grant = useMutation({
    mutationFn: () =>
      OPERATOR.createGrant({
        account: account.id,
        // As it was typed: the API reads it digit by digit.
        amount: amount.trim(),
        creditType,
        source,
        ...(expires === "" ? {} : { expiresAt: readDay(expires, 1) }),
        ...(reference === "" ? {} : { reference }),
      }),
    onSuccess: async () => {
      await refresh(queries, account.id);
      onClose();
    },
  });
  const errors = fieldErrors(grant.error);
  return (
    <Dialog title={`Grant credits to ${account.name}`} isOpen onClose={onClose}>
      <DialogForm
        action={amount.trim() === "" ? "Grant" : `Grant ${amount.trim()} ${creditType}`}
        busy={grant.isPending}
        canSubmit={amount.trim() !== ""}
        onSubmit={() => grant.mutate()}
        onCancel={onClose}
      >
        <DialogError error={grant.error} isOfFields={errors.size > 0} />
        <TextField
          label="Amount"
          inputMode="decimal"
          value={amount}
          error={errors.get("amount")}
          onChange={(event) => setAmount(event.target.value)}
        />
        {TYPES.length > 1 ? (
          <Choice
            label="Credit type"
            value={creditType}
            options={TYPES}
            onChange={(event) => setCreditType(event.target.value)}
          />
        ) : null}
        <Choice
          label="Source"
          value={source}
          options={[
            ["topup", "Top-up: the customer paid for them"],
            ["promo", "Promo: a gift"],
          ]}
          onChange={(event) => setSource(event.target.value === "promo" ? "promo" : "topup")}
        />
        <TextField
          label="Last day"
          type="date"
          value={expires}
          error={errors.get("expiresAt")}
          hint="They expire at its end. Empty: never."
          onChange={(event) => setExpires(event.target.value)}
        />
        <TextField
          label="Reference"
          value={reference}
          error={errors.get("reference")}
          placeholder="invoice 2026-081"
          hint="Unique in the account: the same once more grants nothing."
          onChange={(event) => setReference(event.target.value)}
        />
      </DialogForm>
    </Dialog>
  );
}

/** Corrects a pool by hand, up or down. */
export function AdjustPool({ account, onClose }: Of): ReactNode {
  const queries = useQueryClient();
  const [amount, setAmount] = useState("");
  const [creditType, setCreditType] = useState(SETTINGS.creditTypes[0] ?? "credits");
  const [reason, setReason] = useState("");
  const adjust = useMutation({
    mutationFn: () =>
      OPERATOR.createAdjustment({ account: account.id, amount: amount.trim(), creditType, reason }),
    onSuccess: async () => {
      await refresh(queries, account.id);
      onClose();
    },
  });
  const errors = fieldErrors(adjust.error);
  const takes = amount.trim().startsWith("-");
  return (
    <Dialog
      title={`Adjust a pool of ${account.name}`}
      text="For corrections. What is held for calls under way is never taken."
      isOpen
      onClose={onClose}
    >
      <DialogForm
        action={
          amount.trim() === ""
            ? "Adjust"
            : takes
              ? `Take ${amount.trim().slice(1)} ${creditType} away`
              : `Add ${amount.trim()} ${creditType}`
        }
        kind={takes ? "danger" : "primary"}
        busy={adjust.isPending}
        canSubmit={amount.trim() !== ""}
        onSubmit={() => adjust.mutate()}
        onCancel={onClose}
      >
        <DialogError error={adjust.error} isOfFields={errors.size > 0} />
        <TextField
          label="Amount"
          value={amount}
          error={errors.get("amount")}
          hint="With a minus in front, credits are taken away."
          onChange={(event) => setAmount(event.target.value)}
        />
        {TYPES.length > 1 ? (
          <Choice
            label="Credit type"
            value={creditType}
            options={TYPES}
            onChange={(event) => setCreditType(event.target.value)}
          />
        ) : null}
        <TextField
          label="Reason"
          value={reason}
          error={errors.get("reason")}
          hint="Kept with the entry and in the audit trail. The customer does not see it."
          onChange={(event) => setReason(event.target.value)}
        />
      </DialogForm>
    </Dialog>
  );
}

/** What an account's page shows is read anew. */
export async function refresh(queries: ReturnType<typeof useQueryClient>, account: string): Promise<void> {
  await Promise.all(
    ["account", "balances", "entries", "keys"].map((name) =>
      queries.invalidateQueries({ queryKey: [name, account] }),
    ),
  );
}
