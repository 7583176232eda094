import type { ReactNode } from "react";
import { Button } from "../design/button.tsx";
import { Notice } from "../design/card.tsx";
import { tellReplay, useReplay } from "./replays.ts";

/** Says that a second click did nothing: whoever meant it as another change learns so. */
export function ReplayNotice(): ReactNode {
  if (!useReplay()) return null;
  return (
    <Notice tone="warn">
      <span>
        The first try had done this already, so it was not done again. If you want it twice, ask once more.
      </span>
      <Button size="small" onClick={() => tellReplay(false)}>
        Understood
      </Button>
    </Notice>
  );
}
