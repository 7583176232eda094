import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { Choice, TextField } from "../../design/field.tsx";
import { ShownOnce } from "../../design/shown-once.tsx";
import { fieldErrors } from "../../session/describe-error.ts";
import { OPERATOR } from "../operator-api.ts";

const ROLES = [
  ["read", "read: look at everything"],
  ["support", "support: look, grant and refund up to limits"],
  ["admin", "admin: everything"],
  ["portal", "portal: make links for customers, for your web server"],
  ["metrics", "metrics: scrape metrics"],
] as const;

/** Makes a named token, and shows its text once. */
export function CreateToken({ onClose }: { readonly onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<(typeof ROLES)[number][0]>("read");
  const [each, setEach] = useState("");
  const [day, setDay] = useState("");
  const create = useMutation({
    mutationFn: () =>
      OPERATOR.createToken({
        name,
        role,
        ...(role === "support" ? { limits: { each: each.trim(), day: day.trim() } } : {}),
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["tokens"] }),
  });
  if (create.data !== undefined) {
    return <ShownOnce title={`The token ${create.data.name}`} text={create.data.token} onClose={onClose} />;
  }
  const errors = fieldErrors(create.error);
  return (
    <Dialog title="Create a token" isOpen onClose={onClose}>
      <DialogForm
        action="Create"
        busy={create.isPending}
        canSubmit={name !== ""}
        onSubmit={() => create.mutate()}
        onCancel={onClose}
      >
        <DialogError error={create.error} isOfFields={errors.size > 0} />
        <TextField
          label="Name"
          value={name}
          error={errors.get("name")}
          hint="What the audit trail will say: a person's, or a program's. Never used again."
          onChange={(event) => setName(event.target.value)}
        />
        <Choice
          label="Role"
          value={role}
          options={ROLES}
          error={errors.get("role")}
          onChange={(event) => setRole(ROLES.find(([known]) => known === event.target.value)?.[0] ?? "read")}
        />
        {role === "support" ? (
          <>
            <TextField
              label="The most that one grant or refund may give"
              inputMode="decimal"
              value={each}
              error={errors.get("limits.each") ?? errors.get("limits")}
              onChange={(event) => setEach(event.target.value)}
            />
            <TextField
              label="The most that all of one day (UTC) may give"
              inputMode="decimal"
              value={day}
              error={errors.get("limits.day")}
              onChange={(event) => setDay(event.target.value)}
            />
          </>
        ) : null}
      </DialogForm>
    </Dialog>
  );
}
