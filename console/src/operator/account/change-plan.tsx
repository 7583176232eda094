import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Account } from "../../../../src/client/generated/types.ts";
import { Dialog, DialogForm } from "../../design/dialog.tsx";
import { DialogError } from "../../design/dialog-error.tsx";
import { Choice } from "../../design/field.tsx";
import { OPERATOR } from "../operator-api.ts";
import { refresh } from "./give.tsx";

/** Gives an account another plan, or none, now or at its next refresh. */
export function ChangePlan({
  account,
  onClose,
}: {
  readonly account: Account;
  readonly onClose: () => void;
}): ReactNode {
  const queries = useQueryClient();
  const plans = useQuery({
    queryKey: ["plans"],
    queryFn: ({ signal }) => OPERATOR.listPlans({}, { signal }),
  });
  const [plan, setPlan] = useState(account.plan ?? "");
  const [when, setWhen] = useState<"now" | "refresh">("refresh");
  const change = useMutation({
    mutationFn: () =>
      plan === ""
        ? OPERATOR.cancelPlan({ account: account.id, when })
        : OPERATOR.assignPlan({ account: account.id, plan, when: account.plan === null ? "now" : when }),
    onSuccess: async () => {
      await refresh(queries, account.id);
      onClose();
    },
  });
  const names = plans.data?.plans.map(({ name }) => name) ?? [];
  return (
    <Dialog
      title={`The plan of ${account.name}`}
      text="What a plan granted stays until it would have expired. Now: the new plan's first grant comes at once."
      isOpen
      onClose={onClose}
    >
      <DialogForm
        action={plan === "" ? "Take the plan away" : `Change to ${plan}`}
        busy={change.isPending}
        canSubmit={plan !== (account.plan ?? "") || account.nextPlanAt !== null}
        onSubmit={() => change.mutate()}
        onCancel={onClose}
      >
        <DialogError error={change.error} />
        <DialogError error={plans.error} of="read" />
        <Choice
          label="Plan"
          value={plan}
          options={[["", "none"], ...names.map((name) => [name, name] as const)]}
          onChange={(event) => setPlan(event.target.value)}
        />
        {account.plan === null ? null : (
          <Choice
            label="When"
            value={when}
            options={[
              ["refresh", "at the next refresh"],
              ["now", "now"],
            ]}
            onChange={(event) => setWhen(event.target.value === "now" ? "now" : "refresh")}
          />
        )}
      </DialogForm>
    </Dialog>
  );
}
