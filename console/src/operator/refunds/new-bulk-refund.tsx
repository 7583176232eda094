import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import type { ChargeFilter, RefundPreview } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Card } from "../../design/card.tsx";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { TextField } from "../../design/field.tsx";
import { Failed } from "../../design/states.tsx";
import { showCount, showMany } from "../../formats/credits.ts";
import { showMoment } from "../../formats/times.ts";
import { fieldErrors } from "../../session/describe-error.ts";
import { OPERATOR } from "../operator-api.ts";
import { sumsWords } from "./sums-words.ts";

const FIELDS = [
  ["account", "Account", "acc_…"],
  ["endpoint", "Endpoint", "GET /v1/…"],
  ["key", "Key", "key_…"],
  ["status", "Upstream's status", "200"],
] as const;

interface Found {
  readonly filter: ChargeFilter;
  readonly preview: RefundPreview;
}

/** Counts what a filter finds; applying it gives back exactly that, or nothing when it is something else by now. */
export function NewBulkRefund({ mayApply }: { readonly mayApply: boolean }): ReactNode {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [others, setOthers] = useState<Readonly<Record<string, string>>>({});
  const [isApplying, setApplying] = useState(false);
  const preview = useMutation({
    mutationFn: async (): Promise<Found> => {
      const filter = readFilter(from, to, others);
      return { filter, preview: await OPERATOR.previewBulkRefund({ filter }) };
    },
  });
  const errors = fieldErrors(preview.error);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    preview.mutate();
  };
  return (
    <Card title="New bulk refund" note="Look first at what it would give back.">
      <form className="stack" onSubmit={submit}>
        <div className="filters">
          <TextField
            label="Charged from"
            type="datetime-local"
            required
            value={from}
            error={errors.get("filter.from")}
            onChange={(event) => setFrom(event.target.value)}
          />
          <TextField
            label="Until"
            type="datetime-local"
            required
            value={to}
            error={errors.get("filter.to")}
            onChange={(event) => setTo(event.target.value)}
          />
          {FIELDS.map(([name, label, placeholder]) => (
            <TextField
              key={name}
              label={label}
              placeholder={placeholder}
              value={others[name] ?? ""}
              error={errors.get(`filter.${name}`)}
              onChange={(event) => setOthers((now) => ({ ...now, [name]: event.target.value }))}
            />
          ))}
        </div>
        <div className="row">
          <Button type="submit" busy={preview.isPending} disabled={from === "" || to === ""}>
            Count the charges
          </Button>
        </div>
      </form>
      <div aria-live="polite">
        {preview.isError && errors.size === 0 ? <Failed error={preview.error} /> : null}
        {preview.data === undefined ? null : (
          <div className="row">
            <p>
              <strong>{showMany(preview.data.preview.charges, "charge")}</strong> of{" "}
              {showMany(preview.data.preview.accounts, "account")}:{" "}
              <strong>{sumsWords(preview.data.preview.credits)}</strong> would be given back
              {preview.data.preview.skipped === 0
                ? null
                : `; of ${showCount(preview.data.preview.skipped)} more nothing is left`}
              .
            </p>
            {mayApply && preview.data.preview.charges > 0 ? (
              <Button kind="primary" onClick={() => setApplying(true)}>
                Give them back
              </Button>
            ) : null}
          </div>
        )}
      </div>
      {isApplying && preview.data !== undefined ? (
        <Apply
          found={preview.data}
          onClose={() => setApplying(false)}
          onDone={() => {
            setApplying(false);
            preview.reset();
          }}
        />
      ) : null}
    </Card>
  );
}

/** The browser's fields have local time without an offset. */
function readFilter(from: string, to: string, others: Readonly<Record<string, string>>): ChargeFilter {
  const given = Object.entries(others)
    .map(([name, text]) => [name, text.trim()] as const)
    .filter(([, text]) => text !== "")
    .map(([name, text]) => [name, name === "status" ? Number(text) : text] as const);
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...Object.fromEntries(given) };
}

function Apply({
  found: { filter, preview },
  onClose,
  onDone,
}: {
  readonly found: Found;
  readonly onClose: () => void;
  readonly onDone: () => void;
}): ReactNode {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const { charges, credits } = preview;
  const apply = useMutation({
    // Nothing is done when the filter finds something else by now.
    mutationFn: () => OPERATOR.createBulkRefund({ filter, reason, expect: { charges, credits } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["bulk-refunds"] });
      onDone();
    },
  });
  const errors = fieldErrors(apply.error);
  return (
    <Dialog
      title={`Give back ${sumsWords(credits)}?`}
      text={`${showMany(charges, "charge")} of ${showMany(preview.accounts, "account")}, from ${showMoment(filter.from)} until ${showMoment(filter.to)}. What is given back stays so.`}
      isOpen
      onClose={onClose}
    >
      <DialogForm
        action={`Give back ${sumsWords(credits)}`}
        busy={apply.isPending}
        canSubmit={reason.trim() !== ""}
        onSubmit={() => apply.mutate()}
        onCancel={onClose}
      >
        <DialogError error={apply.error} isOfFields={errors.size > 0} />
        <TextField
          label="Reason"
          value={reason}
          error={errors.get("reason")}
          hint="Kept with each entry."
          onChange={(event) => setReason(event.target.value)}
        />
      </DialogForm>
    </Dialog>
  );
}
