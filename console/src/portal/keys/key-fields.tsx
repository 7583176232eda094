import type { ReactNode } from "react";
import { Choice, TextArea, TextField } from "../../design/field.tsx";
import { SETTINGS } from "../../session/base.ts";

/** What a form about a key has in it: texts, as they are typed. */
export interface KeyDraft {
  readonly name: string;
  /** One in a line. */
  readonly scopes: string;
  readonly creditType: string;
  readonly day: string;
  readonly month: string;
  readonly total: string;
  /** Of an `<input type="datetime-local">`. */
  readonly expiresAt: string;
}

export const EMPTY_DRAFT: KeyDraft = {
  name: "",
  scopes: "",
  creditType: SETTINGS.creditTypes[0] ?? "credits",
  day: "",
  month: "",
  total: "",
  expiresAt: "",
};

/** The fields that keys have, in a form of their own. */
export function KeyFields({
  draft,
  errors,
  onChange,
}: {
  readonly draft: KeyDraft;
  readonly errors: ReadonlyMap<string, string>;
  readonly onChange: (draft: KeyDraft) => void;
}): ReactNode {
  const set = (change: Partial<KeyDraft>): void => onChange({ ...draft, ...change });
  const wrongIn = (start: string): string | undefined =>
    [...errors].find(
      ([path]) => path === start || path.startsWith(`${start}[`) || path.startsWith(`${start}.`),
    )?.[1];
  return (
    <>
      <TextField
        label="Name"
        value={draft.name}
        error={errors.get("name")}
        placeholder="production"
        onChange={(event) => set({ name: event.target.value })}
      />
      <TextArea
        label="May call"
        value={draft.scopes}
        error={wrongIn("scopes")}
        spellCheck={false}
        placeholder={"GET /v1/leads\n* /v1/exports/*"}
        hint="One endpoint in a line. Empty: every endpoint."
        onChange={(event) => set({ scopes: event.target.value })}
      />
      <fieldset className="fieldset">
        <legend className="field-label">The most that it may spend</legend>
        <div className="filters">
          {SETTINGS.creditTypes.length > 1 ? (
            <Choice
              label="Credit type"
              value={draft.creditType}
              options={SETTINGS.creditTypes.map((type) => [type, type] as const)}
              onChange={(event) => set({ creditType: event.target.value })}
            />
          ) : null}
          {(["day", "month", "total"] as const).map((window) => (
            <TextField
              key={window}
              label={{ day: "A day", month: "A month", total: "In all" }[window]}
              inputMode="decimal"
              value={draft[window]}
              placeholder="no cap"
              onChange={(event) => set({ [window]: event.target.value })}
            />
          ))}
        </div>
        {wrongIn("caps") === undefined ? null : <p className="field-error">{wrongIn("caps")}</p>}
      </fieldset>
      <TextField
        label="Expires"
        type="datetime-local"
        value={draft.expiresAt}
        error={errors.get("expiresAt")}
        hint="In your time zone. Empty: never."
        onChange={(event) => set({ expiresAt: event.target.value })}
      />
    </>
  );
}

/** The draft as the API takes it. Amounts go as they were typed: the API reads them digit by digit. */
export function readDraft(draft: KeyDraft) {
  const scopes = draft.scopes
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const amount = (text: string): string | null => (text.trim() === "" ? null : text.trim());
  const cap = { day: amount(draft.day), month: amount(draft.month), total: amount(draft.total) };
  const hasCap = Object.values(cap).some((value) => value !== null);
  const expires = draft.expiresAt === "" ? undefined : new Date(draft.expiresAt);
  return {
    name: draft.name.trim(),
    scopes: scopes.length === 0 ? null : scopes,
    caps: hasCap ? [{ creditType: draft.creditType, ...cap }] : [],
    expiresAt: expires?.toISOString() ?? null,
  };
}
