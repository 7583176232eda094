import { type ReactNode, useState } from "react";
import { Button } from "./button.tsx";

/** Puts a text on the clipboard, and says whether that worked: a page in a frame may not be allowed to. */
export function CopyButton({
  text,
  label = "Copy",
}: {
  readonly text: string;
  readonly label?: string;
}): ReactNode {
  const [state, setState] = useState<"idle" | "copied" | "refused">("idle");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
    } catch {
      setState("refused");
    }
  };
  return (
    <>
      <Button size="small" onClick={() => void copy()}>
        {state === "copied" ? "Copied" : label}
      </Button>
      <span className="unseen" role="status">
        {state === "copied" ? "Copied" : ""}
      </span>
      {state === "refused" ? <span className="small soft">Select and copy it by hand.</span> : null}
    </>
  );
}
