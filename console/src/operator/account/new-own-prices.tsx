import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import type { Account, Simulation } from "../../../../src/client/generated/types.ts";
import { Button } from "../../design/button.tsx";
import { Card } from "../../design/card.tsx";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { Choice, TextArea, TextField } from "../../design/field.tsx";
import { Failed } from "../../design/states.tsx";
import { showMany } from "../../formats/credits.ts";
import { PriceChanges } from "../../formats/price-table.tsx";
import { costWords, type PriceJson } from "../../formats/price-words.ts";
import { showMoment } from "../../formats/times.ts";
import { fieldErrors } from "../../session/describe-error.ts";
import { OPERATOR } from "../operator-api.ts";
import { compareOwnPrices, withOwnPrices } from "../prices/own-prices.ts";
import { readPrices } from "../prices/read-prices.ts";
import { Simulated } from "../prices/simulated.tsx";

interface Checked {
  readonly prices: readonly PriceJson[];
  readonly simulation: Simulation;
}

/** Prices for one account: checked, compared with everybody's and tried on its last 30 days before they are announced. */
export function NewOwnPrices({
  account,
  general,
  begin,
  onClose,
}: {
  readonly account: Account;
  readonly general: readonly PriceJson[];
  /** What the account has now. */
  readonly begin: readonly PriceJson[];
  readonly onClose: () => void;
}): ReactNode {
  const [text, setText] = useState(() => JSON.stringify(begin, null, 2));
  const [isPublishing, setPublishing] = useState(false);
  const check = useMutation({
    mutationFn: async (): Promise<Checked> => {
      const prices = readPrices(text);
      if (prices.length === 0) throw new Error("Write at least one price.");
      // Own ones stand first, so what is wrong with one is named by its own place.
      const list = { prices: withOwnPrices(general, prices), account: account.id };
      return { prices, simulation: await OPERATOR.simulatePrices(list) };
    },
  });
  const write = (next: string): void => {
    setText(next);
    check.reset();
  };
  const errors = fieldErrors(check.error);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    check.mutate();
  };
  return (
    <Card
      title="New own prices"
      note={`Only ${account.name} pays them. Nothing changes before you announce them.`}
      actions={
        <Button size="small" onClick={onClose}>
          Close
        </Button>
      }
    >
      <form className="stack" onSubmit={submit}>
        <Choice
          label="Begin with everybody's price of"
          value=""
          options={[
            ["", "choose an endpoint"],
            ...general.map((price, index) => [String(index), nameOf(price)] as const),
          ]}
          onChange={(event) => {
            const price = general[Number(event.target.value)];
            if (event.target.value !== "" && price !== undefined) write(withPrice(text, price));
          }}
        />
        <TextArea
          label="Own prices (JSON)"
          rows={14}
          spellCheck={false}
          value={text}
          onChange={(event) => write(event.target.value)}
          hint="As farebox.yaml has them."
          error={[...errors].map(([path, reason]) => `${path}: ${reason}`).join("; ") || undefined}
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
            <h3>What differs from everybody's prices</h3>
            <PriceChanges changes={compareOwnPrices(general, check.data.prices)} />
            <h3>What the last 30 days would have cost</h3>
            <Simulated of={check.data.simulation} />
          </>
        )}
      </div>
      {isPublishing && check.data !== undefined ? (
        <Publish
          account={account}
          prices={check.data.prices}
          onClose={() => setPublishing(false)}
          onDone={onClose}
        />
      ) : null}
    </Card>
  );
}

/** Two prices of one endpoint are told apart by what they cost. */
const nameOf = (price: PriceJson): string => `${String(price["match"])}: ${costWords(price)}`;

/** A text that is no list stays: what was written in it would be lost. */
function withPrice(text: string, price: PriceJson): string {
  try {
    return JSON.stringify([...readPrices(text), price], null, 2);
  } catch {
    return text;
  }
}

function Publish({
  account,
  prices,
  onClose,
  onDone,
}: {
  readonly account: Account;
  readonly prices: readonly PriceJson[];
  readonly onClose: () => void;
  readonly onDone: () => void;
}): ReactNode {
  const queries = useQueryClient();
  const [from, setFrom] = useState("");
  const [until, setUntil] = useState("");
  const effectiveAt = from === "" ? undefined : new Date(from).toISOString();
  const end = until === "" ? undefined : new Date(until).toISOString();
  const publish = useMutation({
    mutationFn: () =>
      OPERATOR.publishAccountPrices({
        account: account.id,
        prices: prices.map((price) => ({ ...price })),
        ...(effectiveAt === undefined ? {} : { effectiveAt }),
        ...(end === undefined ? {} : { until: end }),
      }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["own-prices", account.id] });
      onDone();
    },
  });
  const errors = fieldErrors(publish.error);
  const count = showMany(prices.length, "price");
  const begins = effectiveAt === undefined ? "from now on" : `from ${showMoment(effectiveAt)} on`;
  const ends = end === undefined ? "until later ones take effect" : `until ${showMoment(end)}`;
  return (
    <Dialog
      title={`Announce own prices of ${account.name}?`}
      text={`The account pays by these ${count} ${begins}, ${ends}, on every instance within 5 seconds. Own prices that it has now apply no more in that time.`}
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
        <TextField
          label="Until"
          type="datetime-local"
          value={until}
          error={errors.get("until")}
          hint="Empty: until later ones take effect."
          onChange={(event) => setUntil(event.target.value)}
        />
      </DialogForm>
    </Dialog>
  );
}
