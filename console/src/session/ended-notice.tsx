import type { ReactNode } from "react";
import { Notice } from "../design/card.tsx";
import { useHasEnded } from "./session.tsx";

/** Why one who was signed in sees the sign-in. The address stays, so that they go on where they were. */
export function EndedNotice(): ReactNode {
  if (!useHasEnded()) return null;
  return (
    <Notice tone="warn">
      <span>
        Your session has ended, so what you asked for last was not done. Sign in to go on from there.
      </span>
    </Notice>
  );
}
