import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import type { SoughtKeys } from "../../../../src/client/generated/types.ts";
import { Badge } from "../../design/card.tsx";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { TextField } from "../../design/field.tsx";
import { fieldErrors } from "../../session/describe-error.ts";
import { OPERATOR } from "../operator-api.ts";

/** Whose a key is: one that leaked, say. Its text is no filter of the list, because that would be in the address. */
export function FindKey({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [asked, setAsked] = useState("");
  const text = asked.trim();
  const search = useMutation({
    mutationFn: () => OPERATOR.searchKeys(isHint(text) ? { hint: text } : { text }),
  });
  const errors = fieldErrors(search.error);
  return (
    <Dialog
      title="Whose key is it?"
      text="Its text is hashed where it arrives, and kept nowhere."
      isOpen
      onClose={onClose}
    >
      <DialogForm
        action="Find"
        busy={search.isPending}
        canSubmit={text !== ""}
        onSubmit={() => search.mutate()}
        onCancel={onClose}
      >
        <DialogError error={search.error} of="read" isOfFields={errors.size > 0} />
        <TextField
          label="Key"
          value={asked}
          autoComplete="off"
          spellCheck={false}
          error={errors.get("text") ?? errors.get("hint")}
          hint="The whole text, also one from before a rotation; or its last four characters."
          onChange={(event) => {
            setAsked(event.target.value);
            search.reset();
          }}
        />
        <div aria-live="polite">{search.data === undefined ? null : <Found keys={search.data.keys} />}</div>
      </DialogForm>
    </Dialog>
  );
}

/** What pages show of a key in the place of its text. */
const isHint = (text: string): boolean => text.length <= 4 || text.includes("...");

function Found({ keys }: Pick<SoughtKeys, "keys">): ReactNode {
  if (keys.length === 0) return <p>No key has it.</p>;
  return (
    <ul className="lines">
      {keys.map(({ id, account, accountName, name, hint, state, matched }) => (
        <li key={id} className="stack-small">
          <span className="row">
            <Link to={`/accounts/${account}`}>{accountName}</Link>
            <Badge tone={state === "active" ? "good" : "plain"}>{state}</Badge>
            {matched === "former" ? <Badge tone="warn">a former text</Badge> : null}
          </span>
          <span className="soft small">
            {name === "" ? "" : `${name}, `}
            <span className="mono">{hint}</span>
          </span>
        </li>
      ))}
    </ul>
  );
}
