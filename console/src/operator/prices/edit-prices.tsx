import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import type { PriceList, PublishPriceListInput, Simulation } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Card } from "../../design/card.tsx";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { Choice, TextArea, TextField } from "../../design/field.tsx";
import { Failed } from "../../design/states.tsx";
import { PriceChanges } from "../../formats/price-table.tsx";
import { showMoment } from "../../formats/times.ts";
import { fieldErrors } from "../../session/describe-error.ts";
import { OPERATOR } from "../operator-api.ts";
import { comparePrices } from "./compare-prices.ts";
import { readPrices } from "./read-prices.ts";
import { Simulated } from "./simulated.tsx";

interface Checked {
  readonly list: Pick<PublishPriceListInput, "prices" | "unpriced">;
  readonly simulation: Simulation;
}

/** A new price list, begun from the one in force: checked and tried on the last 30 days before it is announced. */
export function EditPrices({
  of,
  onClose,
}: {
  readonly of: PriceList;
  readonly onClose: () => void;
}): ReactNode {
  const [text, setText] = useState(() => JSON.stringify(of.prices, null, 2));
  const [unpriced, setUnpriced] = useState(of.unpriced);
  const [isPublishing, setPublishing] = useState(false);
  const check = useMutation({
    mutationFn: async (): Promise<Checked> => {
      const list = { prices: readPrices(text), unpriced };
      return { list, simulation: await OPERATOR.simulatePrices(list) };
    },
  });
  const errors = fieldErrors(check.error);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    check.mutate();
  };
  return (
    <Card
      title="New price list"
      note="Begun from the one in force. Nothing changes before you announce it."
      actions={
        <Button size="small" onClick={onClose}>
          Close
        </Button>
      }
    >
      <form className="stack" onSubmit={submit}>
        <TextArea
          label="Prices (JSON)"
          rows={18}
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            check.reset();
          }}
          hint="As farebox.yaml has them, every default written out."
          error={[...errors].map(([path, reason]) => `${path}: ${reason}`).join("; ") || undefined}
        />
        <Choice
          label="Endpoints without a price"
          value={unpriced}
          options={[
            ["free", "are free"],
            ["refuse", "are refused"],
          ]}
          onChange={(event) => {
            setUnpriced(event.target.value === "free" ? "free" : "refuse");
            check.reset();
          }}
        />
        <div className="row">
          <Button type="submit" busy={check.isPending}>
            Check, compare and simulate
          </Button>
          {check.data === undefined ? null : (
            <Button kind="primary" onClick={() => setPublishing(true)}>
              Announce …
            </Button>
          )}
        </div>
      </form>
      <div className="stack after-form" aria-live="polite">
        {check.isError && errors.size === 0 ? <Failed error={check.error} /> : null}
        {check.data === undefined ? null : (
          <>
            <h3>What it changes</h3>
            <PriceChanges changes={comparePrices(of.prices, check.data.list.prices)} />
            <h3>What the last 30 days would have cost</h3>
            <Simulated of={check.data.simulation} />
          </>
        )}
      </div>
      {isPublishing && check.data !== undefined ? (
        <Publish list={check.data.list} onClose={() => setPublishing(false)} onDone={onClose} />
      ) : null}
    </Card>
  );
}

function Publish({
  list,
  onClose,
  onDone,
}: {
  readonly list: Checked["list"];
  readonly onClose: () => void;
  readonly onDone: () => void;
}): ReactNode {
  const queries = useQueryClient();
  const [from, setFrom] = useState("");
  const effectiveAt = from === "" ? undefined : new Date(from).toISOString();
  const publish = useMutation({
    mutationFn: () =>
      OPERATOR.publishPriceList({ ...list, ...(effectiveAt === undefined ? {} : { effectiveAt }) }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["price-lists"] });
      onDone();
    },
  });
  const errors = fieldErrors(publish.error);
  return (
    <Dialog
      title="Announce this price list?"
      text={
        effectiveAt === undefined
          ? "Without a date it applies from now on, to every request that comes."
          : `It applies to requests from ${showMoment(effectiveAt)} on. Customers see it announced until then.`
      }
      isOpen
      onClose={onClose}
    >
      <DialogForm
        action={effectiveAt === undefined ? "Apply from now on" : `Announce for ${showMoment(effectiveAt)}`}
        busy={publish.isPending}
        onSubmit={() => publish.mutate()}
        onCancel={onClose}
      >
        <DialogError error={publish.error} isOfFields={errors.size > 0} />
        <TextField
          label="From"
          type="datetime-local"
          value={from}
          error={errors.get("effectiveAt")}
          hint="In your time zone. Empty: from now on."
          onChange={(event) => setFrom(event.target.value)}
        />
      </DialogForm>
    </Dialog>
  );
}
