import type { ReactNode } from "react";
import { describeError } from "../session/describe-error.ts";
import { Notice } from "./card.tsx";

/** Why what a dialog wanted did not work; nothing where the fields say it themselves. */
export function DialogError({
  error,
  isOfFields = false,
}: {
  readonly error: unknown;
  readonly isOfFields?: boolean;
}): ReactNode {
  if (error === null || error === undefined || isOfFields) return null;
  const { title, detail } = describeError(error);
  return (
    <Notice tone="bad">
      <span>
        <strong>{title}.</strong> {detail}
      </span>
    </Notice>
  );
}
