import type { ReactNode } from "react";
import { describeError, describeFailedChange } from "../session/describe-error.ts";
import { Notice } from "./card.tsx";

/** Why what a dialog wanted did not work; nothing where the fields say it themselves. */
export function DialogError({
  error,
  of = "change",
  isOfFields = false,
}: {
  readonly error: unknown;
  /** What failed: after a read nothing may have been done. */
  readonly of?: "change" | "read";
  readonly isOfFields?: boolean;
}): ReactNode {
  if (error === null || error === undefined || isOfFields) return null;
  const { title, detail } = of === "read" ? describeError(error) : describeFailedChange(error);
  return (
    <Notice tone="bad">
      <span>
        <strong>{title}.</strong> {detail}
      </span>
    </Notice>
  );
}
